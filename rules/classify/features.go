package classify

type feature uint8

// The features: what each is about stands in featureNames.
const (
	fBias feature = iota
	fLength
	fKinds
	fDigits
	fChanges
	fFit
	fWorst
	fPairs
	fEvidence
	fVocabulary
	fHuman
	fSegments
	fShape
	fSigns
	fDistinct
	fMarker
	fPlace
	fNext
	fPlaceWords
	fPlaceKinds
	fCase
	fTail
	fRepeat
	fLengthFit
	fHeadSign
	fShapeUnknown
	featureCount
)

var featureNames = [Features]string{
	"bias", "length", "kinds of characters", "share of digits", "changes of kind", "reads like words", "least word-like part",
	"character pairs, mean", "character pairs, sum", "words of code", "words of passwords", "known and unknown words", "shape", "signs",
	"distinct characters", "placeholder and credential words", "place", "what follows", "place and words", "place and kinds",
	"case", "end", "repetition", "length and word likeness", "first character", "shape and unknown words",
}

// step puts v into buckets of a size, from 0 to top.
func step(v, size, top int) uint8 {
	if v < 0 {
		v = 0
	}
	return uint8(min(v/size, top))
}

func flag(cond bool, value uint8) uint8 {
	if cond {
		return value
	}
	return 0
}

// lengths are the upper bounds of the buckets of length.
var lengths = [...]int{3, 4, 5, 6, 7, 8, 9, 11, 13, 15, 16, 19, 22, 24, 27, 31, 32, 36, 39, 40, 44, 50, 63, 64, 80, 120, 200}

// lengthBuckets are those of all shorter lengths.
var lengthBuckets = func() (t [201]uint8) {
	for n := range t {
		for n > lengths[t[n]] {
			t[n]++
		}
	}
	return t
}()

func lengthBucket(n int) uint8 {
	if n < len(lengthBuckets) {
		return lengthBuckets[n]
	}
	return uint8(len(lengths))
}

// Buckets fills out with the bucket of each feature of value.
func (m *Model) Buckets(out *[Features]uint8, q Question, value []byte, ctx Context) {
	var t traits
	t.read(m, value)
	t.buckets(out, len(value), ctx)
	t.likelihood(out, q)
}

// likelihood fills out with the buckets that differ by question.
func (t *traits) likelihood(out *[Features]uint8, q Question) {
	out[fPairs] = step(t.pairs[q]/(max(len(t.b), 1)+1)+64, 2, 63)
	out[fEvidence] = step(t.pairs[q]/16+64, 4, 63)
}

// buckets fills out with all others, for a value of so many bytes.
func (t *traits) buckets(out *[Features]uint8, size int, ctx Context) {
	n := max(len(t.b), 1)
	*out = [Features]uint8{}
	out[fLength] = lengthBucket(size)
	out[fKinds] = flag(t.lower > 0, 1) | flag(t.upper > 0, 2) | flag(t.digit > 0, 4) | flag(t.sign > 0, 8) | flag(t.space+t.high > 0, 16)
	out[fDigits] = uint8((8*t.digit + n - 1) / n)
	out[fChanges] = step(24*t.change/n, 1, 24)
	fit := 20
	if t.letters > 0 {
		fit = t.fit / t.letters
	}
	out[fFit] = flag(t.letters > 0, 1+step(fit+48, 3, 40))
	out[fWorst] = step(t.worst+64, 4, 31)
	t.vocabulary(out)
	form := t.shape()
	out[fShape] = uint8(form)
	out[fSigns] = t.signs
	out[fDistinct] = step(8*t.distinct()/n, 1, 7) | flag(n >= 16, 8) | flag(n >= 32, 16)
	out[fMarker] = uint8(min(t.marker, 2)) | uint8(min(t.named, 2))<<2 | flag(t.segments > t.marker+t.named, 16)
	where := placeOf(ctx)
	out[fPlace] = where
	out[fNext] = nextOf(ctx.Next)
	out[fPlaceWords] = where*4 + t.wordiness()
	out[fPlaceKinds] = where*4 + flag(t.digit > 0, 1) | flag(t.signs&strong != 0, 2)
	out[fCase] = t.caseOf()
	out[fTail] = t.tail()
	out[fRepeat] = step(8*t.repeat/n, 1, 8)
	out[fLengthFit] = step(lengthClass(n), 1, 3)*8 + step(fit+24, 6, 7)
	out[fHeadSign] = headOf(t.b)
	out[fShapeUnknown] = uint8(min(t.unknown, 3))*8 + shapeGroup(form)
}
