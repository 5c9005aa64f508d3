// Package docs contains no code. Its tests compare the documents in this directory, and
// the rules of style and structure that they state, with the code.
package docs
