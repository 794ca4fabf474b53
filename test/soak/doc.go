// Package soak runs a gateway deployment under load and faults for a long
// time, and accounts for every span.
//
// Two gateways, two gates and the audit log run as the built binary on
// deploy/gateway.yaml, deploy/gate.yaml and deploy/audit.yaml, beside a fake
// Kafka in a process of its own (module test/kafka) or, with SOAK_KAFKA=real,
// Apache Kafka. Senders send what is
// clean, what is masked and what is held, each request until it is taken;
// approvers look at what is held and release, deny or leave it. Meanwhile, in
// an order and at times that the seed gives:
//
//	kill -9           of a gateway, a gate, the audit log, Kafka; a supervisor starts them again;
//	                  of a gateway or gate with what the backend has not taken
//	backend           stalls, is slow, says Unavailable, ResourceExhausted or InvalidArgument, cuts
//	                  connections, answers with an error what it has taken
//	Kafka             stands still
//	clocks            of one process, up to nine days forward and five back: its clock_gettime is replaced
//	disks             of the audit log, and of a gateway's spool while Kafka is away, are full
//
// The second gateway and the second gate are never killed: their memory,
// goroutines and files must be what they were. Then everything is mended, and
// each span is delivered, held, released, denied, or was refused for good by
// the backend; a copy has an excuse that at-least-once gives it; no secret is
// in a file, a log, an answer, or at the backend; the audit log is whole.
//
// TestPlanted plants what the account is there for, TestSearch leaks. What
// TestSoak as a whole was seen to fail on:
//
//	promise                  planted fault
//	nothing is lost          a queue in memory in front of the backend
//	nothing is lost          a backend that says yes to one span in a thousand and forgets it
//	nothing is lost          the disk of the Collector's own queue full, while items are in it (docs/operations.md)
//	no plaintext at rest     a debug exporter behind the gate: what was released as original is in its log
//	no bypass                a policy that lets passwords pass
//
// The queue for the backend has a disk that does not fill up, as
// docs/operations.md asks for: the Collector's queue does not survive that.
package soak
