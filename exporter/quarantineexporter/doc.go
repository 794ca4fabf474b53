// Package quarantineexporter is the exporter `quarantine`: it seals what is
// held, one item for each trace, and stores it until people have decided.
//
// It ties four parts together: package item makes items of a batch, package
// restore lists the patches of one, package seal closes both for a public key,
// package holdstore keeps what came out. It has no private key and cannot open
// what it stored.
package quarantineexporter
