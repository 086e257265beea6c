package schemas

import "github.com/tenantry/tenantry/fleet"

// Forms of values, as package fleet has them; the tests hold both together.
const (
	nameForm     = `^[a-z]([a-z0-9-]*[a-z0-9])?$`
	baseForm     = `^[1-9][0-9]{0,8}$`
	versionForm  = `^v(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)$`
	someVersion  = `^v(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))?$`
	dnsForm      = `^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`
	labelForm    = `^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`
	keyForm      = `^[-._a-zA-Z0-9]+$`
	durationForm = `^\+?(0|([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$`
	quantityForm = `^\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][-+]?[0-9]+)?$`
	cidrForm     = `^[0-9a-fA-F.:]+/[0-9]{1,3}$`
	addressForm  = `^[0-9a-fA-F.:]+([-/][0-9a-fA-F.:]+)?$`
	kindForm     = `^([a-z0-9.-]+/)?v[a-z0-9]+/[A-Z][A-Za-z0-9]*$`
	labelKey     = `^([a-z0-9.-]+/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$`
	labelValue   = `^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$`
	schemaForm   = `^[A-Za-z0-9_.-]{1,128}$`
	uidForm      = `^[0-9A-Za-z]([0-9A-Za-z-]{0,62}[0-9A-Za-z])?$`
	hashForm     = `^[0-9a-f]{32}$`
	parameter    = `^[a-z][a-zA-Z0-9]*$`
)

// oneOf are schemas that each ask for one field.
func oneOf(fields ...string) []object {
	var all []object
	for _, f := range fields {
		all = append(all, object{{"required", []string{f}}})
	}
	return all
}

// dataStores are the three ways to write one: run by Tenantry, an etcd that runs
// elsewhere, and a database that does.
var dataStores = []object{
	{
		{"properties", object{{"driver", object{{"enum", []string{"etcd"}}}}}},
		{"required", []string{"managed"}},
		{"not", object{{"anyOf", oneOf("endpoints", "basicAuth", "tls", "adopt")}}},
	},
	{
		{"properties", object{
			{"driver", object{{"enum", []string{"etcd"}}}},
			{"tls", object{{"properties", object{{"ca", object{{"required", []string{"privateKey"}}}}}}, {"required", []string{"client"}}}},
		}},
		{"required", []string{"endpoints", "tls"}},
		{"not", object{{"anyOf", oneOf("managed", "basicAuth")}}},
	},
	{
		{"properties", object{{"driver", object{{"enum", []string{"PostgreSQL", "MySQL"}}}}}},
		{"required", []string{"endpoints"}},
		{"anyOf", oneOf("basicAuth", "tls")},
		{"not", object{{"required", []string{"managed"}}}},
	},
}

// Forms of values, as package render has them.
const (
	baseKind   = `^([^/*]*/)?[A-Za-z][A-Za-z0-9]*/[A-Za-z][A-Za-z0-9]*$`
	baseKinds  = `^(([^/*]*/)?[A-Za-z][A-Za-z0-9]*/[A-Za-z][A-Za-z0-9]*|[^/*]+/\*/\*)$`
	objectName = `^[^*]*\*?$`
	reasonForm = `^[A-Z][A-Za-z0-9]{0,62}$`
	leftForm   = `^(spec\.|metadata\.(labels|annotations)(\.|$))(([A-Za-z_][A-Za-z0-9_-]*|\[[A-Za-z0-9./_-]+\])(\.|$))*$`
)

// What a section says that is written so: datastores run elsewhere, something is derived.
var (
	elsewhere = object{{"required", []string{"external"}}, {"properties", object{{"external", object{{"enum", []bool{true}}}}}}}
	derived   = object{{"required", []string{"derive"}}, {"properties", object{{"derive", object{{"minItems", 1}}}}}}
)

// lackingReason is why a provider's control planes cannot do something.
var lackingReason = object{{"type", "string"}}

// ofImport is what an import section has to say, and what it must not.
func ofImport(required, forbidden []string) []object {
	return []object{{{"properties", object{{"import", object{{"required", required}, {"not", object{{"anyOf", oneOf(forbidden...)}}}}}}}}}
}

// What imports say of tenants, and of datastores. A tenant may say what of its datastore.
var (
	importedTenant = []string{"version", "replicas", "serviceCIDR", "podCIDR", "domain", "endpoint"}
	importedStore  = []string{"spec"}
)

// preferences are lists of labels.
var preferences = object{
	{"uniqueItems", true}, {"each minProperties", 1},
	{"each additionalProperties", object{{"type", "string"}, {"pattern", labelValue}, {"maxLength", 63}}},
}

// rules are what the loader wants of fields, by Type.Field, and of structs, beyond
// what their types say. "each KEYWORD" is about the items of a list and the values
// of a table.
var rules = map[string]object{
	"Metadata.Name":   {{"description", "name is that of the file or folder, where there is one."}, {"pattern", nameForm}},
	"Metadata.Labels": {{"description", "labels are what selectors choose by."}, {"each pattern", labelValue}, {"each maxLength", 63}},

	"Deletion.Retention": {{"pattern", durationForm}},
	"Deletion.Limit":     {{"minimum", 0}},
	"Deletion.Percent":   {{"minimum", 0}, {"maximum", 100}},

	"ShardSpec":             {{"oneOf", oneOf("addressPool", "domain")}},
	"ShardSpec.AddressPool": {{"minItems", 1}, {"each pattern", addressForm}},
	"ShardSpec.Domain":      {{"pattern", dnsForm}, {"maxLength", 212}},
	"Capacity.Tenants":      {{"minimum", 0}},
	"ShardCapacity.Tenants": {{"minimum", 0}},
	"ShardCapacity.CPU":     {{"pattern", quantityForm}},
	"ShardCapacity.Memory":  {{"pattern", quantityForm}},
	"ShardSpec.Providers":   {{"uniqueItems", true}, {"each pattern", nameForm}, {"each maxLength", 63}},
	"ShardSpec.Teams":       {{"uniqueItems", true}, {"each pattern", nameForm}, {"each maxLength", 63}},
	"ShardSpec.Taints":      {{"uniqueItems", true}},
	"Taint.Key":             {{"pattern", labelKey}},
	"Taint.Value":           {{"pattern", labelValue}, {"maxLength", 63}},
	"Taint.Effect":          {{"enum", []string{"NoSchedule"}}},

	"DataStoreSpec":                 {{"oneOf", dataStores}},
	"DataStoreSpec.Provider":        {{"pattern", nameForm}, {"maxLength", 63}},
	"DataStoreSpec.Driver":          {{"enum", []string{"etcd", "PostgreSQL", "MySQL"}}},
	"DataStoreSpec.Teams":           {{"uniqueItems", true}, {"each pattern", nameForm}, {"each maxLength", 63}},
	"DataStoreSpec.Shards":          {{"minItems", 1}, {"maxItems", 1}},
	"DataStoreSpec.Endpoints":       {{"minItems", 1}, {"uniqueItems", true}, {"each pattern", `^[^/]+:[1-9][0-9]{0,4}$`}},
	"TLS.Client":                    {{"required", []string{"certificate", "privateKey"}}},
	"SecretKey.Namespace":           {{"pattern", labelForm}, {"maxLength", 63}},
	"SecretKey.Name":                {{"pattern", dnsForm}, {"maxLength", 253}},
	"SecretKey.Key":                 {{"pattern", keyForm}, {"maxLength", 253}},
	"ManagedDataStore.Replicas":     {{"enum", []int{1, 3, 5}}},
	"ManagedDataStore.Storage":      {{"pattern", quantityForm}},
	"ManagedDataStore.StorageClass": {{"pattern", dnsForm}, {"maxLength", 253}},

	"ClassSpec.Provider":    {{"pattern", nameForm}, {"maxLength", 63}},
	"ClassSpec.BaseVersion": {{"pattern", baseForm}},
	"ClassSpec.Version":     {{"pattern", versionForm}},
	"ClassSpec.Replicas":    {{"minimum", 1}, {"maximum", 9}},
	"ClassSpec.Tolerations": {{"uniqueItems", true}},
	"ClassSpec.Prefer":      preferences,
	"Schema.Type":           {{"enum", []string{"object"}}},
	"Schema.Properties":     {{"minProperties", 1}, {"maxProperties", 64}},
	"Schema.Required":       {{"uniqueItems", true}, {"each pattern", parameter}},
	"Parameter.Type":        {{"enum", []string{"string", "integer", "boolean", "array"}}},
	"Parameter.Default":     {{"type", []string{"string", "integer", "boolean", "array"}}},
	"Parameter.Enum":        {{"minItems", 1}, {"uniqueItems", true}, {"each type", []string{"string", "integer", "boolean"}}},
	"Parameter.Pattern":     {{"maxLength", 256}},
	"Parameter.MinLength":   {{"minimum", 0}},
	"Parameter.MaxLength":   {{"minimum", 0}},
	"Parameter.MinItems":    {{"minimum", 0}},
	"Parameter.MaxItems":    {{"minimum", 0}},
	"Allow.Fields":          {{"uniqueItems", true}, {"each enum", []string{"version", "replicas", "network", "parameters", "access", "shard", "shardSelector", "dataStore", "prefer", "spread"}}},
	"Allow.Versions":        {{"minItems", 1}, {"uniqueItems", true}, {"each pattern", someVersion}},
	"Allow.Resources":       {{"uniqueItems", true}, {"each pattern", kindForm}},
	"Range":                 {{"minProperties", 1}},
	"Range.Min":             {{"minimum", 1}, {"maximum", 9}},
	"Range.Max":             {{"minimum", 1}, {"maximum", 9}},
	"AllowedPatch.Kind":     {{"pattern", kindForm}},
	"AllowedPatch.Fields":   {{"minItems", 1}},
	"Network.ServiceCIDR":   {{"pattern", cidrForm}},
	"Network.PodCIDR":       {{"pattern", cidrForm}},
	"Network.Domain":        {{"pattern", dnsForm}, {"maxLength", 253}},

	"TenantSpec":               {{"not", object{{"required", []string{"shard", "shardSelector"}}}}},
	"TenantSpec.Class":         {{"description", "class names a folder of classes/."}, {"pattern", nameForm}, {"maxLength", 63}},
	"TenantSpec.Version":       {{"pattern", versionForm}},
	"TenantSpec.Replicas":      {{"minimum", 1}, {"maximum", 9}},
	"TenantSpec.ShardSelector": {{"each pattern", labelValue}, {"each maxLength", 63}},
	"TenantSpec.Prefer":        preferences,
	"Spread.Group":             {{"pattern", nameForm}, {"maxLength", 63}},
	"Spread.MaxPerShard":       {{"minimum", 1}},
	"TenantSpec.Parameters":    {{"each type", []string{"string", "integer", "boolean", "array"}}},
	"TenantSpec.MovedFrom":     {{"pattern", `^tenants/[^/]+/[^/]+$`}},
	"ApprovalSpec.Items":       {{"minItems", 1}, {"maxItems", 1000}, {"uniqueItems", true}},
	"ApprovalItem.Action":      {{"enum", fleet.Actions()}},
	"ApprovalItem.Tenant":      {{"pattern", nameForm}, {"maxLength", 40}},
	"ApprovalItem.UID":         {{"pattern", uidForm}},
	"ApprovalItem.Target":      {{"pattern", nameForm}, {"maxLength", 40}},
	"Adopt":                    {{"oneOf", oneOf("address", "host")}, {"dependentRequired", object{{"schema", []string{"username"}}, {"username", []string{"schema"}}}}},
	"Adopt.Namespace":          {{"pattern", labelForm}, {"maxLength", 63}, {"not", object{{"pattern", "^(kube-|datastore-|tenantry-system$)"}}}},
	"Adopt.Name":               {{"pattern", dnsForm}, {"maxLength", 253}},
	"Adopt.Schema":             {{"pattern", schemaForm}},
	"Adopt.Username":           {{"pattern", schemaForm}},
	"Adopt.Address":            {{"pattern", `^[0-9a-f.:]+$`}},
	"Adopt.Host":               {{"pattern", dnsForm}, {"maxLength", 253}},
	"Adopt.Objects":            {{"minProperties", 1}, {"maxProperties", 200}, {"each pattern", uidForm}},
	"AdoptDataStore.Name":      {{"pattern", dnsForm}, {"maxLength", 253}},
	"AdoptDataStore.Objects":   {{"minProperties", 1}, {"maxProperties", 200}, {"each pattern", uidForm}},
	"Access.Groups":            {{"maxItems", 20}, {"uniqueItems", true}, {"each maxLength", 253}, {"each pattern", `^\S(.*\S)?$`}, {"each not", object{{"pattern", "^system:"}}}},

	"Description.APIVersion":  {{"enum", []string{fleet.APIVersion}}},
	"Description.Kind":        {{"enum", []string{"Provider"}}},
	"Description.BaseVersion": {{"pattern", baseForm}},
	"Description.Tenant": {
		{"not", elsewhere},
		{"allOf", ofImport(importedTenant, importedStore)},
	},
	"Description.Teardown": {
		{"not", object{{"anyOf", append(oneOf("kubeconfig", "import"), derived, elsewhere)}}},
	},
	"Description.DataStore": {
		{"not", object{{"anyOf", append(oneOf("kubeconfig"), derived)}}},
		{"allOf", ofImport(importedStore, append([]string{"dataStore", "schema", "username"}, importedTenant...))},
	},
	"VersionChange.Minors": {{"minimum", 0}},
	"Capabilities.Reasons": {
		{"properties", object{{"sleep", lackingReason}, {"dataStoreChange", lackingReason}, {"versionChange", lackingReason}}},
		{"additionalProperties", false},
	},
	"expression":         {{"maxLength", 8192}},
	"kind":               {{"pattern", baseKinds}},
	"section.Kinds":      {{"minItems", 1}, {"uniqueItems", true}},
	"section.Health":     {{"minItems", 1}},
	"workload.Kind":      {{"pattern", baseKind}},
	"workload.Resources": {{"minItems", 1}},
	"grant.Kind":         {{"pattern", baseKind}},
	"demand.Kind":        {{"pattern", baseKind}},
	"rule":               {{"not", object{{"required", []string{"inProgress"}}, {"not", object{{"required", []string{"failed"}}}}}}},
	"rule.Kind":          {{"pattern", baseKind}},
	"rule.Name":          {{"pattern", objectName}},
	"rule.Reason":        {{"pattern", reasonForm}},
	"output.Kind":        {{"pattern", baseKind}},
	"output.Object":      {{"pattern", objectName}},
	"importing.Kind":     {{"pattern", baseKind}},
	"left.Kind":          {{"pattern", baseKind}},
	"left.Fields":        {{"minItems", 1}, {"each pattern", leftForm}},
}
