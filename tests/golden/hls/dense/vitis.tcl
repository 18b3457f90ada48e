# vitis_hls -f vitis.tcl: C simulation, synthesis, co-simulation, export.
# The variables of the environment PART and PERIOD (in ns) replace these:
set part xcvu13p-flga2577-2-e
set period 3.125
if {[info exists ::env(PART)]} { set part $::env(PART) }
if {[info exists ::env(PERIOD)]} { set period $::env(PERIOD) }

open_project -reset random_12_prj
set_top random_12
add_files random_12.cpp
add_files -tb tb.cpp
add_files -tb frames.txt
add_files -tb answers.txt
open_solution -reset solution1 -flow_target vivado
set_part $part
create_clock -period $period -name default
csim_design
csynth_design
cosim_design
export_design -format ip_catalog
exit
