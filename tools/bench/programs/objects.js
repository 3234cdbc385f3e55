// SPDX-License-Identifier: MIT
// node: objects, JSON there and back, and buffers, whose memory comes from malloc.
"use strict";

let seed = 55;
function random(n) {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return (seed >>> 8) % n;
}

function message(i) {
    return { id: i, to: `user${random(9000)}`, body: "m".repeat(random(300)), seen: [random(9), random(9)] };
}

let total = 0;
const kept = new Map();
for (let i = 0; i < 900; i++) {
    const batch = Array.from({ length: 400 }, (_, k) => message(i * 400 + k));
    const wire = Buffer.from(JSON.stringify(batch));
    const frames = [];
    for (let at = 0; at < wire.length; at += 9000) {
        const frame = Buffer.alloc(Math.min(9000, wire.length - at));
        wire.copy(frame, 0, at);
        frames.push(frame);
    }
    const whole = Buffer.concat(frames);
    for (const back of JSON.parse(whole.toString())) {
        total += back.body.length;
        if (back.id % 5 === 0)
            kept.set(back.to, Buffer.allocUnsafeSlow(64 + back.body.length).fill(back.id & 255));
    }
    total += whole.toString("base64").length;
}
console.log(total, kept.size);
