// Package keygen is ws76 keygen: challenges of draft 76, their answers, and what is wrong with
// keys.
package keygen
