// Package e2e drives the built binary, bin/otelcol-tracescrub, over the
// network, as a sender, an operator and a reader of its output would.
//
// The tests have the build tag e2e and run by `make e2e`, which builds the
// binary first; without the binary they fail. Each promise of the project has
// a test of its own. What each was seen to fail on, once, when it was written:
//
//	promise                   test                   planted fault
//	no bypass                 TestMaskEverywhere     a processor that passes everything on
//	no plaintext at rest      TestMaskEverywhere     a pipeline to the terminal without secret_mask
//	telemetry stays useful    TestMaskEverywhere     rules that do not know a password by its name
//	same secret, same mask    TestSameSecretSameMask the key removed between two starts
//	fail closed               TestTooLarge           max_value_bytes above the size of the value
//	fail closed               TestBadStart           mistakes of two kinds, when the first hid the second
//	no forged verdict         TestForgedStamp        a processor that passes everything on
//	nothing is lost           TestKill               the file exporter without rotation
//	nothing is lost           TestBackendDown        a queue in memory in front of the backend
//	nested input              TestNested             a processor that passes everything on
//	held until released       TestHoldAndRelease     verdict sends what it holds to the clean pipelines as well
//	held until released       TestHoldAndRelease     the gate releases after one vote, or counts one person twice
//	held until released       TestHoldAndRelease     what is approved as masked is restored
//	the original, exactly     TestReleaseOriginal    nothing is restored; approved secrets are masked again
//	denied is destroyed       TestDeny               the key is not shredded; the store says so and keeps its bytes
//	denied is destroyed       TestExpire             nothing expires; what expires keeps its key
//	a trace waits whole       TestLaterSpansWait     verdict forgets which traces it holds
//	no audit, no effect       TestNoAuditNoEffect    verdict goes on when the audit pipeline fails
//	no audit, no effect       TestNoAuditNoEffect    verdict does not tell that it has started before data go on
//	no audit, no effect       TestDropIsTold         verdict answers before the event of what was dropped is taken
//	no audit, no effect       TestDropIsTold         nothing tells what was dropped; the exporter says yes to what it could not append
//	nobody approves their own TestNoSelfApproval     the gate does not compare voter and sender
//	no bypass                 TestBypass             the configuration is not checked
//	no plaintext at rest      TestNoPlaintextAtRest  sealing leaves the text as it is
//	nothing is lost           TestKillWhileHolding   the quarantine answers before it has stored
//	denied is destroyed       TestKillWhileHolding   a denial counts as an approval
//	nothing is lost           TestKillWhileReleasing the claim of a dead gate is never taken over
//	nothing is lost           TestKillWhileReleasing each attempt says that it is the first
//	nothing is told twice     TestKillWhileReleasing the log appends an event that it has
//	a trace waits whole       TestTwoTiers           the router goes by service, or has a queue; senders take turns between the gateways
//
// Those named TestKafka run a gateway and gates on deploy/gateway.yaml
// and deploy/gate.yaml, beside a fake broker of module test/kafka in a process
// of its own, which is all they need besides Go:
//
//	promise                 test                       planted fault
//	two people, two gates   TestKafkaHoldAndRelease    a quorum of one; a second gate with a gate.mac of its own
//	original is original    TestKafkaReleaseOriginal   another fingerprint key at the gate
//	no plaintext at rest    TestKafkaReleaseOriginal   sealed chunks with the plaintext behind them
//	held anew, held whole   TestKafkaHeldAnew          what was approved passes into the new item; no right to write items
//	denied is gone          TestKafkaDeny              a broker that does not compact
//	a dead gate's work      TestKafkaTakeOver          a lease longer than the test
//	no plaintext at rest    TestKafkaNoPlaintextAtRest a policy that lets metrics pass
//	Kafka away              TestKafkaAway              no spool; a spool that is never full
//	nothing is lost         TestKafkaKillGateway       another spool directory after each restart
//
// Those named TestRealKafka do so on an Apache Kafka of test/realkafka, which
// needs Java and Maven:
//
//	promise                 test                            planted fault
//	two people, two gates   TestRealKafka, two people       commands in the document without min.insync.replicas, or a right
//	denied is gone          TestRealKafkaPrevious, denied   a record in the place of the tombstone
//	wrong topics            TestRealKafka, wrong topics     topics are not checked
//	nothing is lost         TestRealKafka, a broker dies    gateways and gates know one broker, and that one dies
//
// Those of the audit log:
//
//	promise                test                        planted fault
//	who did what, in order TestAuditTrail              the gate does not tell what it shows, or that it releases; it tells that an item expires after it did
//	who did what, in order TestAuditTrail              verdict tells no policy; the log does not tell its end
//	the log is what it was TestAuditTrail              verify believes any key, does not hold entries against the tree, or never reads the side table
//	no names in the log    TestAuditTrail              names are written instead of commitments
//	no audit, no effect    TestAuditLogStopsEverything the exporter says yes to what it could not append, or appends it later
//	no audit, no effect    TestAuditLogStopsEverything verdict tells after the effect, or hands to the quarantine first; the gate counts votes first
//	no audit, no effect    TestAuditLogStopsEverything the gate does not tell what it shows, or that it releases
//	gaps are told          TestAuditLogStopsEverything nothing is said of writes that failed
//	acknowledged is told   TestAuditKill               the exporter appends after it has answered
//	gaps are told          TestAuditKill               nothing is said of a log that was not closed
//	one process writes     TestAuditSecondWriter       each process has a lock of its own; the error does not say that the log is locked
//	no other past          TestAuditOffBox             verify ignores --checkpoint, does not compare sizes, or does not compare roots
//	no other past          TestAuditOffBox             only the first checkpoint is published
//	receipts prove         TestReceipt                 check-proof does not compare the leaf, or believes any key
//	receipts prove         TestReceipt                 the receipt of the last decision about any item, or of any entry about this one
//	people are forgotten   TestAuditErase              the table stays, loses all rows, or keeps the reasons; the collector does not listen for commands
//	no audit, no effect    TestKafkaAuditLog           the gateway has a queue in front of the log; the gate counts votes before it tells
//	who did what           TestKafkaAuditLog           the gate does not tell that it releases; the log does not say which instance told
//	no names in the log    TestKafkaAuditLog           names are written instead of commitments
//	replay tells what was  TestReplay                  the gate does not tell that it releases; records are not held against their digest
//	replay names nobody    TestReplay                  names that nobody asked for
//
// Those of who somebody is (test/idptest is the identity provider) and of the
// security review:
//
//	promise                    test                    planted fault
//	senders are who they say   TestIdentityOfSenders   the extension ignores the audience
//	groups are the issuer's    TestIdentityOfApprovers a grant counts for every issuer
//	a login answers a question TestIdentityInBrowser   state, or nonce, is not compared; sessions never end; a login leads where it is told to
//	no plaintext at rest       TestMemoryStaysOwn      the process stays dumpable; keys are not locked
//	bounded by the input       TestBombs               compressed runs of a text have no common bound
//	bounded by the input       TestSlowClients         a body that nobody reads has no deadline
//	bounded by the input       TestHugeRequests        headers of any size
//	text stays text            TestTerminal            what steers a terminal is written as it is
package e2e
