// SPDX-License-Identifier: Apache-2.0
// A peer: Node-RED's own runtime with a flow of three nodes: make an object of three fields (function), compare a
// number (switch), drop a field (change). Events are made inside this process, by a node that keeps at most 64 under
// way and sends the next one when one has come out at the end.
// usage: node nodered_flow.js MODULES COUNT    prints wall seconds, CPU seconds
const fs = require('fs');
const http = require('http');
const os = require('os');
const path = require('path');

const [modules, countText] = process.argv.slice(2);
const count = Number(countText);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nodered-'));
fs.mkdirSync(path.join(folder, 'nodes'));
fs.writeFileSync(path.join(folder, 'nodes', 'bench.js'), `
module.exports = function (RED) {
    function Source(config) {
        RED.nodes.createNode(this, config);
        let sent = 0;
        const send = () => {
            sent++;
            this.send({ payload: { room: 'a1', sensor: 's4', t: sent % 40 - 30, n: sent, unit: 'Cel' } });
        };
        global.benchStart = (count, ended) => {
            let out = 0;
            global.benchOut = () => {
                out++;
                if (sent < count) { send(); } else if (out === count) { ended(); }
            };
            for (let i = 0; i < 64; i++) { send(); }
        };
    }
    function Sink(config) {
        RED.nodes.createNode(this, config);
        this.on('input', (message, _send, done) => { global.benchOut(message); done(); });
    }
    RED.nodes.registerType('bench-source', Source);
    RED.nodes.registerType('bench-sink', Sink);
};`);
fs.writeFileSync(path.join(folder, 'nodes', 'bench.html'), `
<script type="text/javascript">
RED.nodes.registerType('bench-source', { category: 'bench', defaults: {}, inputs: 0, outputs: 1 });
RED.nodes.registerType('bench-sink', { category: 'bench', defaults: {}, inputs: 1, outputs: 0 });
</script>`);
const flow = [
    { id: 'tab', type: 'tab', label: 'bench' },
    { id: 'source', type: 'bench-source', z: 'tab', wires: [['make']] },
    { id: 'make', type: 'function', z: 'tab', outputs: 1, libs: [], wires: [['compare']],
      func: 'msg.payload = { room: msg.payload.room, t: msg.payload.t, n: msg.payload.n }; return msg;' },
    { id: 'compare', type: 'switch', z: 'tab', property: 'payload.t', propertyType: 'msg', checkall: 'false',
      rules: [{ t: 'gt', v: '-15', vt: 'num' }, { t: 'else' }], outputs: 2, wires: [['drop'], ['drop']] },
    { id: 'drop', type: 'change', z: 'tab', wires: [['sink']],
      rules: [{ t: 'delete', p: 'payload.n', pt: 'msg' }] },
    { id: 'sink', type: 'bench-sink', z: 'tab', wires: [] },
];
fs.writeFileSync(path.join(folder, 'flows.json'), JSON.stringify(flow));
const RED = require(path.join(modules, 'node-red'));
RED.init(http.createServer(), {
    userDir: folder, nodesDir: path.join(folder, 'nodes'), flowFile: 'flows.json', httpAdminRoot: false,
    httpNodeRoot: false, disableEditor: true, telemetry: { enabled: false, updateNotification: false },
    logging: { console: { level: 'error', metrics: false, audit: false } },
});
RED.events.on('flows:started', () => {
    const began = process.hrtime.bigint();
    const cpu = process.cpuUsage();
    global.benchStart(count, () => {
        const wall = Number(process.hrtime.bigint() - began) / 1e9;
        const used = process.cpuUsage(cpu);
        console.log(`${wall.toFixed(6)} ${((used.user + used.system) / 1e6).toFixed(6)}`);
        RED.stop().finally(() => { fs.rmSync(folder, { recursive: true, force: true }); process.exit(0); });
    });
});
RED.start();
