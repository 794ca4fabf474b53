// Package conformance holds the audit log against implementations that are not
// ours: Tessera's checker and client read what package tiles shows, others read
// receipts and canonical JSON. It is a module of its own, so that their
// dependencies are not the product's.
package conformance
