// Package bridge is ws76 bridge: one endpoint joined to another.
package bridge
