// What Socket.IO 0.9 needs of node 0.x and today's node does not have. To be required first.
'use strict';
const crypto = require('crypto');
const events = require('events');
const http = require('http');
const net = require('net');

// hash.update(string) used to mean bytes, and the challenges of draft 76 are hashed that way.
const createHash = crypto.createHash;
crypto.createHash = (...args) => {
  const hash = createHash(...args);
  const update = hash.update;
  hash.update = (data, encoding) => update.call(hash, data, encoding || 'latin1');
  return hash;
};

// Of a socket that was upgraded the encoding may be set again.
const emit = http.Server.prototype.emit;
http.Server.prototype.emit = function (name, request, socket, ...rest) {
  if (name === 'upgrade') delete socket.setEncoding;
  return emit.call(this, name, request, socket, ...rest);
};

// http.createClient: writes the request as node 0.x did, hands over the socket at the 101.
http.createClient = (port, host) => {
  const client = new events.EventEmitter();
  client.end = () => {};
  client.request = (path, headers) => {
    const socket = net.connect(port, host);
    let head = Buffer.alloc(0);
    const onData = (data) => {
      head = Buffer.concat([head, data]);
      const at = head.indexOf('\r\n\r\n');
      if (at < 0) return;
      socket.removeListener('data', onData);
      const status = head.toString('latin1', 0, head.indexOf('\r\n'));
      if (!/^HTTP\/1\.1 101 /.test(status)) return client.emit('error', new Error(status));
      client.emit('upgrade', {}, socket, head.subarray(at + 4));
    };
    socket.on('data', onData);
    socket.on('error', (error) => client.emit('error', error));
    const lines = Object.keys(headers).map((name) => `${name}: ${headers[name]}\r\n`);
    socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1');
    return { write: (data, encoding) => socket.write(data, encoding), end: () => {} };
  };
  return client;
};

// The client of socket.io asks for "ws", whose own client is hybi only: it gets one of draft 76.
const Module = require('module');
const load = Module._load;
Module._load = function (name, parent, ...rest) {
  if (name === 'ws' && parent && /socket\.io-client/.test(parent.filename)) {
    const { WebSocket } = load('websocket-client', module);
    return function (url) {
      const ws = new WebSocket(url, undefined, { origin: `http://${new URL(url).host}` });
      const facade = { send: (text) => ws.send(text), close: () => ws.close() };
      ws.onopen = () => facade.onopen();
      ws.onmessage = (event) => facade.onmessage(event);
      ws.onclose = () => facade.onclose();
      ws.onerror = (error) => facade.onerror(error);
      return facade;
    };
  }
  return load.call(this, name, parent, ...rest);
};
