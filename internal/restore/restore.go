// Package restore is the format of what turns masked telemetry back into what
// was sent: patches of single spans, log records, data points, resources and
// scopes, and the list of an item's patches.
package restore
