//go:build !unix

package lualib

const nonBlocking = 0
