// Runs scenarios of the library in the WebAssembly module and in the native program; the JSON of
// both must be the same, byte for byte.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const [module, native] = process.argv.slice(2);
const { instance } = await WebAssembly.instantiate(readFileSync(module), {});
const { memory, retrial_reserve, retrial_json, retrial_result, retrial_result_size } =
    instance.exports;

const run = (text) => {
    const bytes = new TextEncoder().encode(text);
    const at = retrial_reserve(bytes.length);
    new Uint8Array(memory.buffer, at, bytes.length).set(bytes);
    const code = retrial_json(-1n);
    const result = new Uint8Array(memory.buffer, retrial_result(), retrial_result_size());
    return { code, text: new TextDecoder().decode(result) };
};

const program = (...args) => {
    try {
        return execFileSync(native, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
    } catch (error) {
        // A claim that does not hold is a result, too; both must say so.
        return error.stdout;
    }
};

const listed = JSON.parse(program("list", "--format", "json")).scenarios;
// Of the scale scenarios one: it shows that a million records fit into 32 bits.
const chosen = listed.filter(({ theme, name }) => theme !== "scale" || name === "million-records");
let [passed, failed] = [0, 0];
for (const { name, theme } of chosen) {
    const source = readFileSync(`scenarios/${theme}/${name}.toml`, "utf8");
    const began = performance.now();
    const web = run(`#! ${name}\n${source}`);
    const took = Math.round(performance.now() - began);
    const own = program("run", name, "--quiet", "--format", "json");
    if (web.text === own && own.includes('"fingerprint"')) {
        const prints = JSON.parse(own).variants.map((variant) => variant.fingerprint);
        console.log(`${name}: the same, ${prints.join(" ")} (${took} ms)`);
        passed += 1;
    } else {
        console.log(`${name}: differs\n native ${own} wasm   ${web.text}`);
        failed += 1;
    }
}
if (run("question = 7\n").code !== 255) {
    console.log("a text that is no scenario was answered");
    failed += 1;
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed < 3 ? 1 : 0);
