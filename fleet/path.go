package fleet

import (
	"path"
	"strings"
)

// Where declarations stand.
const (
	settingsFile   = "fleet.yaml"
	shardFolder    = "shards"
	storeFolder    = "datastores"
	classFolder    = "classes"
	tenantFolder   = "tenants"
	approvalFolder = "approvals"
	classFileName  = "class.yaml"
	tenantFileName = "tenant.yaml"
)

// folderOf gives the folder of a kind's declarations.
func folderOf(kind string) string {
	switch kind {
	case KindShard:
		return shardFolder
	case KindDataStore:
		return storeFolder
	case KindClass:
		return classFolder
	case KindTenant:
		return tenantFolder
	case KindApproval:
		return approvalFolder
	}
	return settingsFile
}

func dirOf(p string) string {
	if p == "" {
		return ""
	}
	return path.Dir(p)
}

// teamOf gives the team's folder out of tenants/<team>/<name>/tenant.yaml.
func teamOf(p string) string {
	parts := strings.Split(p, "/")
	if len(parts) < 3 || parts[0] != tenantFolder {
		return ""
	}
	return parts[1]
}

// Absent says that the commit certainly does not declare ref. What is broken is
// not absent, and while a part of a kind's folder is opaque nothing of that kind is.
func (f *Fleet) Absent(ref Ref) bool {
	if _, broken := f.Broken[ref]; broken {
		return false
	}
	folder := folderOf(ref.Kind)
	for _, p := range f.Opaque {
		if p == folder || strings.HasPrefix(p, folder+"/") {
			return false
		}
	}
	declared := false
	switch ref.Kind {
	case KindShard:
		_, declared = f.Shards[ref.Name]
	case KindDataStore:
		_, declared = f.DataStores[ref.Name]
	case KindClass:
		_, declared = f.Classes[ref.Name]
	case KindTenant:
		_, declared = f.Tenants[ref.Name]
	case KindApproval:
		_, declared = f.Approvals[ref.Name]
	}
	return !declared
}
