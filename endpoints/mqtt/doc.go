// Package mqtt is an endpoint of core/relay on an MQTT broker: what is published on topics is received, what is sent is
// published. It speaks MQTT 5 and 3.1.1, with QoS 0 and 1.
//
// A message of QoS 1 is acknowledged once it was taken: when the next is asked for, or, with Pump, when the other side
// was flushed. Over lost connections it is neither lost nor, as far as the broker keeps the session, delivered twice.
// What is sent with QoS 1 is kept until the broker has acknowledged it.
//
// The packets are those of Eclipse Paho's codecs; the client around them is our own, since those of Paho read ahead
// without a bound, or stop answering while a message waits to be taken.
package mqtt

// Summary and Example are for lists of what there is.
const (
	Summary = "topics of an MQTT broker, 3.1.1 and 5, QoS 0 and 1"
	Example = "mqtt://broker.local/sensors/lab?qos=1"
)
