// Package luaprogram makes the options of scripts that open connections themselves.
package luaprogram
