package walk

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Metrics visits every text of md and returns how many data points were dropped.
func (w *Walker) Metrics(md pmetric.Metrics) (dropped int) {
	each(md.ResourceMetrics(), func(i int, rm pmetric.ResourceMetrics) bool {
		w.resource(i, rm.Resource())
		if out, changed := w.schema(resourceSchemaURL, rm.SchemaUrl()); changed {
			rm.SetSchemaUrl(out)
		}
		if !w.leave(rm.Resource().Attributes()) {
			if !w.options.Empty {
				for _, sm := range rm.ScopeMetrics().All() {
					w.dropPoints(sm.Metrics())
				}
				return false
			}
			emptyResource(rm.Resource())
			rm.SetSchemaUrl("")
		}
		return each(rm.ScopeMetrics(), w.scopeMetrics)
	})
	return w.end()
}

func (w *Walker) dropPoints(ms pmetric.MetricSlice) {
	for _, m := range ms.All() {
		w.dropped += pointCount(m)
	}
}

func (w *Walker) scopeMetrics(i int, sm pmetric.ScopeMetrics) bool {
	w.scope(i, sm.Scope())
	if out, changed := w.schema(scopeSchemaURL, sm.SchemaUrl()); changed {
		sm.SetSchemaUrl(out)
	}
	if !w.leave(sm.Scope().Attributes()) {
		if !w.options.Empty {
			w.dropPoints(sm.Metrics())
			return false
		}
		emptyScope(sm.Scope())
		sm.SetSchemaUrl("")
	}
	return each(sm.Metrics(), w.metric)
}

func (w *Walker) metric(i int, m pmetric.Metric) bool {
	w.enter(Metric, i, m.Metadata())
	if out, changed := w.field(metricName, m.Name()); changed {
		m.SetName(out)
	}
	if out, changed := w.field(metricDescription, m.Description()); changed {
		m.SetDescription(out)
	}
	if out, changed := w.field(metricUnit, m.Unit()); changed {
		m.SetUnit(out)
	}
	w.attributes(metricMetadata, m.Metadata())
	if !w.leave(m.Metadata()) {
		if !w.options.Empty {
			w.dropped += pointCount(m)
			return false
		}
		m.SetName("")
		m.SetDescription("")
		m.SetUnit("")
	}
	return w.points(m)
}

func (w *Walker) points(m pmetric.Metric) bool {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		return dataPoints(w, m.Gauge().DataPoints(), gaugeAttributes, gaugeExemplars)
	case pmetric.MetricTypeSum:
		return dataPoints(w, m.Sum().DataPoints(), sumAttributes, sumExemplars)
	case pmetric.MetricTypeHistogram:
		return dataPoints(w, m.Histogram().DataPoints(), histogramAttributes, histogramExemplars)
	case pmetric.MetricTypeExponentialHistogram:
		return dataPoints(w, m.ExponentialHistogram().DataPoints(), exponentialAttributes, exponentialExemplars)
	case pmetric.MetricTypeSummary:
		return each(m.Summary().DataPoints(), func(i int, p pmetric.SummaryDataPoint) bool {
			w.enter(Item, i, p.Attributes())
			w.attributes(summaryAttributes, p.Attributes())
			return w.point(p, p.Attributes())
		})
	case pmetric.MetricTypeEmpty:
		// no points
	}
	return true
}

// dataPoint is what the data points with exemplars have in common.
type dataPoint interface {
	Attributes() pcommon.Map
	Exemplars() pmetric.ExemplarSlice
}

func dataPoints[T dataPoint, S sequence[T]](w *Walker, s S, point, exemplar Spot) bool {
	return each(s, func(i int, p T) bool {
		w.enter(Item, i, p.Attributes())
		w.attributes(point, p.Attributes())
		for i := range p.Exemplars().Len() {
			w.at.index = [2]int{i}
			w.attributes(exemplar, p.Exemplars().At(i).FilteredAttributes())
		}
		return w.point(p, p.Attributes())
	})
}

// point closes a data point of any kind.
func (w *Walker) point(p any, attrs pcommon.Map) bool {
	if w.item(attrs) {
		return true
	}
	if w.options.Empty {
		emptyPoint(p)
	}
	return w.options.Empty
}

func pointCount(m pmetric.Metric) int {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		return m.Gauge().DataPoints().Len()
	case pmetric.MetricTypeSum:
		return m.Sum().DataPoints().Len()
	case pmetric.MetricTypeHistogram:
		return m.Histogram().DataPoints().Len()
	case pmetric.MetricTypeExponentialHistogram:
		return m.ExponentialHistogram().DataPoints().Len()
	case pmetric.MetricTypeSummary:
		return m.Summary().DataPoints().Len()
	case pmetric.MetricTypeEmpty:
		// no points
	}
	return 0
}
