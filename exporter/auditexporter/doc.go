// Package auditexporter is the exporter `audit_log`: the one writer of the
// append-only audit log. Its input is the log records that package event
// makes; the sender has its answer when their entries are on the disk.
//
// Package auditlog writes the log and package records what entries name; this
// package ties them to a Collector: it reads records, says what becomes of
// trouble, and serves and publishes what was written.
package auditexporter
