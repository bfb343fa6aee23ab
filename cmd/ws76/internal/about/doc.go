// Package about is what ws76 says of itself: its version and its manual.
package about
