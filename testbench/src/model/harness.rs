use std::fmt::Write;

use super::generated::member_name;
use crate::{Direction, Layout, Port, Trace};

/// The C++ that turns rows of words into port values and back, with C linkage.
pub(super) fn harness(clock: &str, inputs: &Layout, outputs: &Layout, trace: Trace) -> String {
    let levels = match trace {
        Trace::Off => None,
        Trace::Depth(levels) => Some(levels),
        Trace::Full => Some(0),
    };
    let mut statements = [String::new(), String::new()];
    for (text, layout) in statements.iter_mut().zip([inputs, outputs]) {
        for (position, port) in layout.ports().iter().enumerate() {
            transfer(text, port, layout.range(position).start);
        }
    }
    let [drive, sample] = statements;
    TEMPLATE
        .replace("@TRACED@", if levels.is_some() { "1" } else { "0" })
        .replace("@LEVELS@", &levels.unwrap_or(0).to_string())
        .replace("@CLOCK@", &member_name(clock))
        .replace("@INPUT_WORDS@", &inputs.words().to_string())
        .replace("@OUTPUT_WORDS@", &outputs.words().to_string())
        .replace("@DRIVE@\n", &drive)
        .replace("@SAMPLE@\n", &sample)
}

fn transfer(text: &mut String, port: &Port, offset: usize) {
    let Port { width, direction, .. } = *port;
    let member = format!("top.{}", member_name(&port.name));
    let words = port.words();
    let last = u32::MAX >> (words as u32 * 32 - width);
    let written = match (direction, width) {
        (Direction::Input, ..=32) => writeln!(text, "    {member} = in[{offset}] & {last:#x}u;"),
        (Direction::Output, ..=32) => writeln!(text, "    out[{offset}] = {member};"),
        (Direction::Input, ..=64) => writeln!(
            text,
            "    {member} = uint64_t{{in[{offset}]}} | uint64_t{{in[{high}] & {last:#x}u}} << 32;",
            high = offset + 1
        ),
        (Direction::Output, ..=64) => writeln!(
            text,
            "    out[{offset}] = static_cast<uint32_t>({member});\n    out[{high}] = static_cast<uint32_t>({member} >> 32);",
            high = offset + 1
        ),
        (Direction::Input, _) => writeln!(
            text,
            "    std::memcpy({member}.data(), in + {offset}, {words} * 4);\n    {member}.data()[{end}] &= {last:#x}u;",
            end = words - 1
        ),
        (Direction::Output, _) => {
            writeln!(text, "    std::memcpy(out + {offset}, {member}.data(), {words} * 4);")
        }
    };
    written.expect("writing to a string does not fail");
}

const TEMPLATE: &str = r#"
#include "Vdut.h"
#include "verilated.h"
#if @TRACED@
#include "verilated_vcd_c.h"
#endif
#include <cstdint>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>

void vl_fatal(const char* file, int line, const char*, const char* message) {
    throw std::runtime_error(std::string(file) + ":" + std::to_string(line) + ": " + message);
}

namespace {

struct Instance {
    VerilatedContext context;
    std::unique_ptr<Vdut> top;
#if @TRACED@
    std::unique_ptr<VerilatedVcdC> waveform;
#endif
    uint64_t cycle = 0;
    std::string message;
};

void drive(Vdut& top, const uint32_t* in) {
@DRIVE@
}

void sample(Vdut& top, uint32_t* out) {
@SAMPLE@
}

void settle(Instance& instance, uint64_t time) {
    instance.top->eval();
#if @TRACED@
    if (instance.waveform) {
        instance.context.time(time);
        instance.waveform->dump(time);
    }
#endif
}

}  // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT void* nn2hdl_create(const char* waveform, int seed) {
    try {
        auto instance = std::make_unique<Instance>();
        instance->context.randReset(seed ? 2 : 0);
        if (seed) instance->context.randSeed(seed);
        instance->context.traceEverOn(@TRACED@);
        instance->top = std::make_unique<Vdut>(&instance->context);
        instance->top->@CLOCK@ = 0;
#if @TRACED@
        if (waveform) {
            instance->waveform = std::make_unique<VerilatedVcdC>();
            instance->top->trace(instance->waveform.get(), @LEVELS@);
            instance->waveform->open(waveform);
            if (!instance->waveform->isOpen()) return nullptr;
        }
#endif
        return instance.release();
    } catch (...) {
        return nullptr;
    }
}

EXPORT void nn2hdl_destroy(void* model) {
    auto instance = static_cast<Instance*>(model);
    try {
        // Before the first eval, hierarchical blocks do not exist and Verilator 5.048 would finalise null ones.
        if (instance->cycle != 0) instance->top->final();
#if @TRACED@
        if (instance->waveform) instance->waveform->close();
#endif
    } catch (...) {
    }
    delete instance;
}

EXPORT const char* nn2hdl_run(void* model, uint64_t cycles, const uint32_t* in, uint32_t* out) {
    Instance& instance = *static_cast<Instance*>(model);
    Vdut& top = *instance.top;
    Verilated::threadContextp(&instance.context);  // hierarchical blocks are created in the first eval
    try {
        for (uint64_t left = cycles; left != 0; --left) {
            const uint64_t time = instance.cycle++ * 10;
            drive(top, in);
            top.@CLOCK@ = 0;
            settle(instance, time);
            sample(top, out);
            top.@CLOCK@ = 1;
            settle(instance, time + 5);
            in += @INPUT_WORDS@;
            out += @OUTPUT_WORDS@;
        }
#if @TRACED@
        if (instance.waveform) instance.waveform->flush();
#endif
        return nullptr;
    } catch (const std::exception& error) {
        instance.message = error.what();
        return instance.message.c_str();
    }
}
"#;
