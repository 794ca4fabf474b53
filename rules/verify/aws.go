package verify

// maxAccount is the largest AWS account id, which has twelve digits.
const maxAccount = 999_999_999_999

// awsKeyID checks the 16 characters after the four letter prefix of an AWS
// unique identifier: base32 whose first 48 bits hold a set bit, the account
// id, and seven more bits. Identifiers from before 2019 (fifth character
// below Q) do not hold the account and are Unknown.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
func awsKeyID(token []byte) Result {
	if len(token) != 20 {
		return Unknown
	}
	var n uint64
	for i, c := range token[4:] {
		var v uint64
		switch {
		case c >= 'A' && c <= 'Z':
			v = uint64(c - 'A')
		case c >= '2' && c <= '7':
			v = uint64(c-'2') + 26
		default:
			return Failed
		}
		if i < 10 {
			n = n<<5 | v
		}
	}
	if n>>49 == 0 {
		return Unknown
	}
	return of(n>>9&(1<<40-1) <= maxAccount)
}
