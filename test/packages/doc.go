// Package packages checks what an organisation deploys, all of deploy/: that
// builds are reproducible, what is in the image and in the packages, what the
// chart renders, that dashboard and alerts name metrics that exist, and that
// every configuration in them is taken by the built binary.
//
// The tests have the build tag e2e and run by `make e2e`, which builds the
// binaries first; without them they fail. What each was seen to fail on, once:
//
//	promise                          test                 planted fault
//	same bytes from any directory    TestReproducible     -trimpath left out
//	same bytes from any directory    TestReproducibleCold -trimpath left out
//	static binaries                  TestStatic           -trimpath left out: the directory is in them
//	the SBOM names all that is in it TestSBOM             the SBOM of another binary
//	the image has no shell, no root  TestImage            USER root; a command that names a file that is not there
//	the image has no shell, no root  TestImageRuns        USER root
//	secrets are their user's alone   TestDeb, TestRPM     mode 0644, owner root for what has secrets
//	data stays                       TestDebInstalls      a postremove that removes the data
//	the service is confined          TestUnit             MemoryDenyWriteExecute or the limits of system calls and addresses left out; a key misspelt
//	the chart makes what runs        TestChart            a key of Kubernetes, or of the Collector, misspelt; a path without a volume; a pipeline without secret_mask
//	the chart makes what runs        TestChart            a selector of no pod; a root that can be written to; a password as a value; root allowed
//	wrong values are refused         TestChartMistakes    the schema allows no brokers
//	compose runs, on loopback        TestCompose          a port for everybody; an image without a version; a key misspelt; a file that is not there
//	a gateway cannot open            TestComposeKeys      the gateway mounts all keys
//	compose runs                     TestComposeConfigs   a broker that is not there; a way around verdict
//	metrics that are shown exist     TestMetricsExist     a metric misspelt in a rule, in a panel, and in a README
//	who is woken finds the alert     TestOperationsKnowsTheAlerts a severity changed in the document
//	the schema knows all components  TestSchemaComponents an extension misspelt
//
// It is a module of its own, so that nothing of Helm, Kubernetes, Prometheus,
// Docker and RPM becomes a requirement of the product.
package packages
