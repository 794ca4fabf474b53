// Package packages checks what an organisation deploys, all of deploy/: that
// builds are reproducible, what is in the image and in the packages, what the
// chart renders, that dashboard and alerts name metrics that exist, and that
// every configuration in them is taken by the built binary.
//
// The tests have the build tag e2e and run by `make e2e`, which builds the
// binaries first; without them they fail. What each was seen to fail on, once:
//
//	promise                        test                 planted fault
//	PLANTED
//
// It is a module of its own, so that nothing of Helm, Kubernetes, Prometheus,
// Docker and RPM becomes a requirement of the product.
package packages
