# Vivado, out of context: vivado -mode batch -source build.tcl -tclargs PART TOP
# TOP: {{ top }} (bare), {{ axis }} (AXI4-Stream) or {{ ap }} (ap_ctrl). Without arguments: {{ part }}, {{ top }}.
# Writes utilization.rpt, timing.rpt and TOP.dcp into vivado/.
set here [file dirname [file normalize [info script]]]
set part {{ part }}
set top {{ top }}
if {[llength $argv]} {set part [lindex $argv {{ part_at }}]}
if {[llength [lrange $argv {{ top_at }} end]]} {set top [lindex $argv {{ top_at }}]}
foreach list {files.f wrappers.f} {
    set channel [open [file join $here rtl $list]]
    foreach name [split [string trim [read $channel]] \n] {read_verilog [file join $here rtl $name]}
    close $channel
}
read_xdc -mode out_of_context [file join $here constraints.xdc]
synth_design -mode out_of_context -part $part -top $top
opt_design
place_design
phys_opt_design
route_design
file mkdir [file join $here vivado]
report_utilization -hierarchical -file [file join $here vivado utilization.rpt]
report_timing_summary -file [file join $here vivado timing.rpt]
write_checkpoint -force [file join $here vivado $top.dcp]
