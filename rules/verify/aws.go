package verify

import "bytes"

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
		v := base32Value(c)
		if v > 31 {
			return Failed
		}
		if i < 10 {
			n = n<<5 | uint64(v)
		}
	}
	if n>>49 == 0 {
		return Unknown
	}
	return of(n>>9&(1<<40-1) <= maxAccount)
}

// bedrock checks long-lived Amazon Bedrock keys: after ABSK the base64 of a
// text that begins with BedrockAPIKey-.
// https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html
func bedrock(token []byte) Result {
	body, ok := bytes.CutPrefix(token, []byte("ABSK"))
	if !ok {
		return Unknown
	}
	var buf [48]byte
	return of(bytes.HasPrefix(decode64(buf[:0], body), []byte("BedrockAPIKey-")))
}

// azureSignature checks for the fixed signature at its fixed place in keys of
// Azure services; the seeds of their checksums are not documented.
// https://learn.microsoft.com/en-us/purview/sit-defn-azure-storage-account-key
func azureSignature(token []byte) Result {
	at := func(from int, signatures ...string) bool {
		for _, s := range signatures {
			if len(token) >= from+len(s) && string(token[from:from+len(s)]) == s {
				return true
			}
		}
		return false
	}
	switch {
	case len(token) == 88 && at(76, "+ASt", "ACDb", "+ABa", "+AMC"):
		return Passed
	case len(token) >= 80 && at(52, "JQQJ99"):
		return Passed
	case len(token) == 84 && at(76, "AZDO"):
		return Passed
	}
	return Unknown
}
