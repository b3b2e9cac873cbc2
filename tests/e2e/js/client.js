// SPDX-License-Identifier: Apache-2.0
// Calls methods through @grpc/grpc-js: node client.js PLAN
//
// PLAN (JSON): {target, proto: a directory or null, standard: directory of the reflection service's
// .proto, version: of reflection, tls: {ca, cert, key} or null, calls: [{method, request, timeout,
// take}]}. Without `proto` the service's description is had from the server by reflection. Calls are
// made one after the other; a stream is cancelled when `take` messages came. Prints a JSON array of
// {code, details, response | messages}.
'use strict';

const fs = require('fs');
const path = require('path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const OPTIONS = { keepCase: true, longs: String, enums: String, defaults: true };

function credentials(tls) {
  if (!tls) return grpc.credentials.createInsecure();
  const read = (name) => (name ? fs.readFileSync(name) : null);
  return grpc.credentials.createSsl(read(tls.ca), read(tls.key), read(tls.cert));
}

// The descriptors of the file that has this symbol, and of all it imports.
function reflected(plan, channel, symbol) {
  const definition = loader.loadSync(path.join('grpc/reflection', plan.version, 'reflection.proto'),
    { ...OPTIONS, includeDirs: [plan.standard] });
  const Reflection = grpc.loadPackageDefinition(definition).grpc.reflection[plan.version].ServerReflection;
  const client = new Reflection(plan.target, channel, CHANNEL);
  return new Promise((resolve, reject) => {
    const call = client.ServerReflectionInfo();
    call.on('error', reject);
    call.on('data', (answer) => {
      if (answer.error_response) {
        reject(new Error(answer.error_response.error_message));
      } else if (answer.list_services_response) {
        const names = answer.list_services_response.service.map((s) => s.name);
        if (!names.includes(symbol)) reject(new Error(`no ${symbol} among ${names}`));
        call.write({ file_containing_symbol: symbol });
      } else {
        call.end();
        resolve(answer.file_descriptor_response.file_descriptor_proto);
      }
    });
    call.write({ list_services: '' });
  });
}

// A FileDescriptorSet of encoded files.
function set(files) {
  const parts = [];
  for (const file of files) {
    const length = [];
    for (let n = file.length; ; n >>>= 7) {
      length.push(n > 127 ? (n & 127) | 128 : n);
      if (n <= 127) break;
    }
    parts.push(Buffer.from([0x0a, ...length]), Buffer.from(file));
  }
  return Buffer.concat(parts);
}

async function service(plan, channel) {
  const definition = plan.proto
    ? loader.loadSync('maglev.proto', { ...OPTIONS, includeDirs: [plan.proto] })
    : loader.loadFileDescriptorSetFromBuffer(set(await reflected(plan, channel, 'maglev.Maglev')), OPTIONS);
  return grpc.loadPackageDefinition(definition).maglev.Maglev;
}

function unary(client, call, options) {
  return new Promise((resolve) => {
    client[call.method](call.request, options, (e, response) => {
      resolve(e ? { code: e.code, details: e.details } : { code: 0, details: '', response });
    });
  });
}

function stream(client, call, options) {
  return new Promise((resolve) => {
    const messages = [];
    const s = client[call.method](call.request, options);
    s.on('data', (m) => {
      messages.push(m);
      if (messages.length === call.take) s.cancel();
    });
    s.on('error', (e) => resolve({ code: e.code, details: e.details, messages }));
    s.on('end', () => resolve({ code: 0, details: '', messages }));
  });
}

// Not through a proxy that the environment names.
const CHANNEL = { 'grpc.enable_http_proxy': 0, 'grpc.ssl_target_name_override': 'localhost' };

async function main() {
  const plan = JSON.parse(process.argv[2]);
  const channel = credentials(plan.tls);
  let client;
  try {
    client = new (await service(plan, channel))(plan.target, channel, CHANNEL);
  } catch (e) {
    process.stdout.write(JSON.stringify({ unreachable: e.details || e.message, code: e.code }));
    process.exit(0);
  }
  const results = [];
  for (const call of plan.calls) {
    const options = { deadline: Date.now() + call.timeout };
    const run = client[call.method].responseStream ? stream : unary;
    results.push(await run(client, call, options)); // eslint-disable-line no-await-in-loop
  }
  process.stdout.write(JSON.stringify(results));
  process.exit(0);
}

main();
