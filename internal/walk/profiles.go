package walk

import "go.opentelemetry.io/collector/pdata/pprofile"

// Profiles visits every text of pd and returns how many profiles were dropped.
// Nearly all texts of profiles stand in one dictionary and belong to no
// profile in particular, so there is no Done for an Item here.
func (w *Walker) Profiles(pd pprofile.Profiles) (dropped int) {
	each(pd.ResourceProfiles(), func(_ int, rp pprofile.ResourceProfiles) bool {
		w.resource(rp.Resource())
		if out, changed := w.schema(resourceSchemaURL, rp.SchemaUrl()); changed {
			rp.SetSchemaUrl(out)
		}
		if !w.visitor.Done(Resource, rp.Resource().Attributes()) {
			for _, sp := range rp.ScopeProfiles().All() {
				w.dropped += sp.Profiles().Len()
			}
			return false
		}
		return each(rp.ScopeProfiles(), w.scopeProfiles)
	})
	w.dictionary(pd.Dictionary())
	return w.end()
}

func (w *Walker) scopeProfiles(_ int, sp pprofile.ScopeProfiles) bool {
	w.scope(sp.Scope())
	if out, changed := w.schema(scopeSchemaURL, sp.SchemaUrl()); changed {
		sp.SetSchemaUrl(out)
	}
	if !w.visitor.Done(Scope, sp.Scope().Attributes()) {
		w.dropped += sp.Profiles().Len()
		return false
	}
	for i := range sp.Profiles().Len() {
		p := sp.Profiles().At(i)
		if out, changed := w.field(profilePayloadFormat, p.OriginalPayloadFormat()); changed {
			p.SetOriginalPayloadFormat(out)
		}
		w.start(profilePayload)
		w.bytes(p.OriginalPayload())
	}
	return true
}

// dictionary visits the tables that profiles point into. Masking happens in
// place, so all indices stay right.
func (w *Walker) dictionary(d pprofile.ProfilesDictionary) {
	table := d.StringTable()
	for i := range table.Len() {
		w.at.index = [2]int{i}
		if out, changed := w.field(profileStrings, table.At(i)); changed {
			table.SetAt(i, out)
		}
	}
	for i := range d.AttributeTable().Len() {
		w.at.index = [2]int{i}
		a := d.AttributeTable().At(i)
		w.start(profileValues)
		if k := int(a.KeyStrindex()); k > 0 && k < table.Len() {
			w.at.Key = contextKey(table.At(k), "", "")
		}
		w.value(a.Value(), 1)
	}
}
