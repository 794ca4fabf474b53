package local

func crashHelper() bool { return false }
