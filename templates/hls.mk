# make run: C simulation with g++ of the frames beside this file.
# AP_TYPES is the folder of ap_int.h: `include` of Vitis HLS, or the headers of the same name of the package hls4ml.
AP_TYPES ?= $(XILINX_HLS)/include
CXXFLAGS ?= -O1

tb: tb.cpp {{ top }}.cpp {{ top }}.h weights.h
	$(CXX) -std=c++14 $(CXXFLAGS) -w -isystem $(AP_TYPES) -o $@ tb.cpp {{ top }}.cpp

.PHONY: run
run: tb
	./tb frames.txt answers.txt
