// Package script is ws76 script: scripts checked, begun and tested.
package script
