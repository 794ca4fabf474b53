package samples

import (
	"embed"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/tracescrub/tracescrub/rules/classify"
)

// The lists: code.txt and plain.txt are the words that the Go standard
// library's identifiers and comments use often; the others were written for
// this project.
//
//go:embed words/*.txt
var files embed.FS

// lists are words by class; web words are words of code too.
var lists = []struct {
	file  string
	class classify.Class
}{
	{"code", classify.Code},
	{"web", classify.Code},
	{"plain", classify.Plain},
	{"human", classify.Human},
	{"marker", classify.Marker},
	{"stop", classify.Marker},
	{"credential", classify.Named},
}

func load(file string) []string {
	text, err := files.ReadFile("words/" + file + ".txt")
	if err != nil {
		panic(err) // embedded
	}
	return strings.Fields(string(text))
}

// Lexicon is a set of words to draw values from.
type Lexicon struct {
	code, plain, human, marker, stop, named []string
}

// heldOut says that a word is kept from training: one in sixteen of those that
// people choose passwords of and of those of documentation.
func heldOut(word string) bool {
	h := fnv.New32a()
	h.Write([]byte(word))
	return h.Sum32()>>8%16 == 0
}

func split(words []string, held bool) []string {
	return slices.DeleteFunc(slices.Clone(words), func(w string) bool { return heldOut(w) != held })
}

// Words returns the lexicon for training, or that of words that training never saw.
func Words(held bool) *Lexicon {
	x := &Lexicon{
		code: append(load("code"), load("web")...), marker: load("marker"), stop: load("stop"), named: load("credential"),
	}
	x.human, x.plain = split(load("human"), held), split(load("plain"), held)
	return x
}

// Vocabulary calls learn with every word that training may see and its class.
func Vocabulary(learn func(word string, class classify.Class)) {
	for _, l := range lists {
		words := load(l.file)
		if l.class == classify.Human || l.class == classify.Plain {
			words = split(words, false)
		}
		for _, w := range words {
			if plain := strings.Trim(w, "0123456789-"); len(plain) >= 2 && isWord(plain) {
				learn(plain, l.class)
			}
		}
	}
}

func isWord(w string) bool {
	for _, c := range []byte(w) {
		if (c|0x20)-'a' >= 26 {
			return false
		}
	}
	return true
}
