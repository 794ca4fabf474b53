// Package kafka tests the store on Kafka against a fake broker that speaks the
// real protocol, and injects its faults. It is a module of its own, so that
// the broker's dependencies are not the product's.
package kafka
