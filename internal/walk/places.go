package walk

import "slices"

// Spot is a line of the table of places: a kind of field, whatever the key.
type Spot uint8

// Info describes a spot.
type Info struct {
	// Name is how paths to the spot begin; "[]" stands for an index.
	Name string
	// Signals are the signals that have it, a set of the letters t (traces),
	// l (logs), m (metrics) and p (profiles).
	Signals string
	// Reach is the accessor of pdata that leads to it, as "package.Type.Method".
	Reach string
	// Value: it holds a value of any kind or a map of them, at any depth, with
	// keys; otherwise one text, or a list of texts.
	Value bool
}

// String returns the spot's name in the table.
func (s Spot) String() string { return table[s].Name }

// Places returns the table of all places that hold text. A test compares it
// with what pdata has to offer and with what a walk visits.
func Places() []Info { return slices.Clone(table[:]) }

const (
	resourceAttributes Spot = iota
	resourceSchemaURL
	entityType
	entitySchemaURL
	entityIDKeys
	entityDescriptionKeys
	scopeName
	scopeVersion
	scopeAttributes
	scopeSchemaURL

	spanName
	spanTraceState
	spanAttributes
	spanStatus
	eventName
	eventAttributes
	linkTraceState
	linkAttributes

	logBody
	logSeverityText
	logEventName
	logAttributes

	metricName
	metricDescription
	metricUnit
	metricMetadata
	gaugeAttributes
	gaugeExemplars
	sumAttributes
	sumExemplars
	histogramAttributes
	histogramExemplars
	exponentialAttributes
	exponentialExemplars
	summaryAttributes

	profileStrings
	profileValues
	profilePayload
	profilePayloadFormat
)

// table has one line per spot. What is not in it is not visited, so it must
// name everything that holds text: numbers with a meaning of their own (ids,
// times, counts, data point values, flags) are no text.
var table = [...]Info{
	resourceAttributes:    {"resource.attributes", "tlmp", "pcommon.Resource.Attributes", true},
	resourceSchemaURL:     {"resource.schema_url", "tlmp", "*.Resource*.SchemaUrl", false},
	entityType:            {"resource.entity_refs[].type", "tlmp", "entity.EntityRef.Type", false},
	entitySchemaURL:       {"resource.entity_refs[].schema_url", "tlmp", "entity.EntityRef.SchemaUrl", false},
	entityIDKeys:          {"resource.entity_refs[].id_keys[]", "tlmp", "entity.EntityRef.IdKeys", false},
	entityDescriptionKeys: {"resource.entity_refs[].description_keys[]", "tlmp", "entity.EntityRef.DescriptionKeys", false},
	scopeName:             {"scope.name", "tlmp", "pcommon.InstrumentationScope.Name", false},
	scopeVersion:          {"scope.version", "tlmp", "pcommon.InstrumentationScope.Version", false},
	scopeAttributes:       {"scope.attributes", "tlmp", "pcommon.InstrumentationScope.Attributes", true},
	scopeSchemaURL:        {"scope.schema_url", "tlmp", "*.Scope*.SchemaUrl", false},

	spanName:        {"span.name", "t", "ptrace.Span.Name", false},
	spanTraceState:  {"span.trace_state", "t", "ptrace.Span.TraceState", false},
	spanAttributes:  {"span.attributes", "t", "ptrace.Span.Attributes", true},
	spanStatus:      {"span.status.message", "t", "ptrace.Status.Message", false},
	eventName:       {"span.events[].name", "t", "ptrace.SpanEvent.Name", false},
	eventAttributes: {"span.events[].attributes", "t", "ptrace.SpanEvent.Attributes", true},
	linkTraceState:  {"span.links[].trace_state", "t", "ptrace.SpanLink.TraceState", false},
	linkAttributes:  {"span.links[].attributes", "t", "ptrace.SpanLink.Attributes", true},

	logBody:         {"log.body", "l", "plog.LogRecord.Body", true},
	logSeverityText: {"log.severity_text", "l", "plog.LogRecord.SeverityText", false},
	logEventName:    {"log.event_name", "l", "plog.LogRecord.EventName", false},
	logAttributes:   {"log.attributes", "l", "plog.LogRecord.Attributes", true},

	metricName:            {"metric.name", "m", "pmetric.Metric.Name", false},
	metricDescription:     {"metric.description", "m", "pmetric.Metric.Description", false},
	metricUnit:            {"metric.unit", "m", "pmetric.Metric.Unit", false},
	metricMetadata:        {"metric.metadata", "m", "pmetric.Metric.Metadata", true},
	gaugeAttributes:       {"gauge.data_point.attributes", "m", "pmetric.NumberDataPoint.Attributes", true},
	gaugeExemplars:        {"gauge.data_point.exemplars[].attributes", "m", "pmetric.Exemplar.FilteredAttributes", true},
	sumAttributes:         {"sum.data_point.attributes", "m", "pmetric.NumberDataPoint.Attributes", true},
	sumExemplars:          {"sum.data_point.exemplars[].attributes", "m", "pmetric.Exemplar.FilteredAttributes", true},
	histogramAttributes:   {"histogram.data_point.attributes", "m", "pmetric.HistogramDataPoint.Attributes", true},
	histogramExemplars:    {"histogram.data_point.exemplars[].attributes", "m", "pmetric.Exemplar.FilteredAttributes", true},
	exponentialAttributes: {"exponential_histogram.data_point.attributes", "m", "pmetric.ExponentialHistogramDataPoint.Attributes", true},
	exponentialExemplars:  {"exponential_histogram.data_point.exemplars[].attributes", "m", "pmetric.Exemplar.FilteredAttributes", true},
	summaryAttributes:     {"summary.data_point.attributes", "m", "pmetric.SummaryDataPoint.Attributes", true},

	profileStrings:       {"profiles.dictionary.string_table[]", "p", "pprofile.ProfilesDictionary.StringTable", false},
	profileValues:        {"profiles.dictionary.attribute_table[].value", "p", "pprofile.KeyValueAndUnit.Value", true},
	profilePayload:       {"profile.original_payload", "p", "pprofile.Profile.OriginalPayload", false},
	profilePayloadFormat: {"profile.original_payload_format", "p", "pprofile.Profile.OriginalPayloadFormat", false},
}
