package walk

import "go.opentelemetry.io/collector/pdata/pprofile"

// Profiles visits every text of pd and returns how many profiles were dropped.
// Nearly all texts of profiles stand in one dictionary, which comes last: they
// belong to no profile in particular, and no Done follows them; hence no
// change is recorded, and none can be taken back.
func (w *Walker) Profiles(pd pprofile.Profiles) (dropped int) {
	options := w.options
	w.options.Record, w.options.Empty = nil, false
	defer func() { w.options = options }()
	each(pd.ResourceProfiles(), func(i int, rp pprofile.ResourceProfiles) bool {
		w.resource(i, rp.Resource())
		if out, changed := w.schema(resourceSchemaURL, rp.SchemaUrl()); changed {
			rp.SetSchemaUrl(out)
		}
		if !w.leave(rp.Resource().Attributes()) {
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

func (w *Walker) scopeProfiles(i int, sp pprofile.ScopeProfiles) bool {
	w.scope(i, sp.Scope())
	if out, changed := w.schema(scopeSchemaURL, sp.SchemaUrl()); changed {
		sp.SetSchemaUrl(out)
	}
	if !w.leave(sp.Scope().Attributes()) {
		w.dropped += sp.Profiles().Len()
		return false
	}
	return each(sp.Profiles(), w.profile)
}

func (w *Walker) profile(i int, p pprofile.Profile) bool {
	w.enter(Item, i, w.none)
	if out, changed := w.field(profilePayloadFormat, p.OriginalPayloadFormat()); changed {
		p.SetOriginalPayloadFormat(out)
	}
	if !w.skip {
		w.start(profilePayload)
		w.bytes(p.OriginalPayload())
	}
	keep := w.item(w.none)
	if w.none.Len() > 0 {
		w.none.Clear()
	}
	return keep
}

// dictionary visits the tables that profiles point into. Masking happens in
// place, so all indices stay right.
func (w *Walker) dictionary(d pprofile.ProfilesDictionary) {
	if w.options.UnitsOnly {
		return
	}
	w.at.Unit, w.skip = Unit{}, false
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
