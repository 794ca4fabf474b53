// Package kafka keeps held items in three Kafka topics: items (sealed chunks),
// index (an entry with the capsule for each item, compacted, so that a
// tombstone destroys the capsule) and decisions (the log, append-only).
// docs/format/kafka-topics.md is the specification of what is in them.
//
// An item is written as its chunks, then its index entry, each acknowledged by
// all in-sync replicas, and only then acknowledged to the caller. While the
// brokers are away it goes, synced, to a spool directory instead, and from
// there to Kafka when they are back. Writes are repeated until they are
// acknowledged, so that one may be in Kafka twice: entries of the same item
// have the same key, and the later one counts.
//
// The client library is github.com/segmentio/kafka-go, by way of package
// kafkaclient. Only client.go and admin.go know it, and of it only
// kafka.Client; everything else works on the interface cluster, so that another
// library can take its place.
package kafka
