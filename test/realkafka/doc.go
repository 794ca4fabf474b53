// Package realkafka starts an Apache Kafka for tests: brokers in KRaft mode
// from the jars that Maven fetches, with TLS, SASL and permissions.
package realkafka
