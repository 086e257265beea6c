// Package controllers plays what runs on a management cluster beside us: the
// controllers of Kubernetes, a load balancer, cert-manager and Kamaji, on a simulated
// API server.
//
//	play := controllers.New(server, controllers.Options{Now: clock, Seed: 1})
//	server.Changed = play.Saw           what is written is what they look at next
//	after, ok := play.Due()             when there is something to do
//	play.Step()                         one write
//	play.Fail(key, controllers.Stuck)   a kind, a namespace or an object that is in trouble
//	play.Rotate(key)                    renews a certificate or a kubeconfig
//	play.Stop(true)                     nothing happens until Stop(false)
//
// Each looks at one object and does the one next thing, so that whatever else goes on
// comes between any two writes:
//
//	Deployment, StatefulSet   observed, then ready, once what their pods mount is there;
//	                          volume claims are made and never removed
//	Job                       started, then complete
//	Service                   gets the address that it asks for, unless another has it
//	Issuer, Certificate       the Secret, then ready; a lost Secret is issued again
//	TenantControlPlane        finalizer, Provisioning, kubeconfig, NotReady, Ready; sleeps
//	                          and wakes, is upgraded, and lets itself go
//	DataStore                 ready when its Secrets are there, stays while it is used
//	Namespace                 its content goes, then it goes
//	what has an owner         goes after its owner
//
// They write as the field managers of the real ones, into the subresource that the real
// ones write to, so that managedFields are as in life.
//
// # Why
//
// A queue of objects with delays drawn from a seed is all the time there is: no
// goroutines, no clock, and nothing to do when nothing has changed. A controller finds
// where it stands in the object itself, as real ones do, so a person who changes a
// status or deletes a Secret is answered as in life. What it waits for (a Secret, an
// issuer) wakes it when that changes.
//
// Certificates are real, but few: what observes them wants to parse and to tell them
// apart, and keys cost time.
package controllers
