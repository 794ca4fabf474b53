// Package realkafka starts an Apache Kafka for tests: brokers in KRaft mode
// from the jars that Maven fetches (pom.xml has the versions), with TLS, SASL
// and the StandardAuthorizer. Its own tests run the store of held items on
// three of them; package test/e2e runs gateways and gates. Both have the build
// tag e2e and belong to `make e2e`.
//
// Retention, cleaner and failure detection are hastened; all else that matters
// here is as Kafka has it by default. What each test of TestStore was seen to
// fail on, once, when it was written:
//
//	promise                     test                        planted fault
//	wrong topics are refused    wrong topics                a setting is not compared
//	sealers only seal           permissions                 the documented table lets sealers write decisions, or read the index
//	gates can do their work     permissions                 the documented table lets gates not write items
//	brokers are known           certificates                names in certificates are not looked at
//	passwords stay secret       mechanisms                  the error of a refused start has the password
//	gone is not damaged         retention                   what retention has removed is called damaged
//	destroyed keys are gone     keys are removed            brokers that do not compact
//	a new leader is found       leaders move                a client that keeps to the leader that it knows
//	nothing is lost             one broker is killed        writes that are not acknowledged
//	Kafka away                  all brokers restart         no spool
//	damage is seen              what every store must do    neither the brokers' checksums nor our sums are looked at
package realkafka
