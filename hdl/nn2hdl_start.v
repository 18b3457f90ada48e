// The ap_ctrl_hs protocol around a core of fixed latency that takes and gives frames of BEATS beats without a pause.
// A frame begins in a cycle with start high while no other is being read; its beats follow in the cycles after.
// ready is high with the last beat that is read, done with the last beat of results, idle while nothing is in flight.
// CB: bits of a beat's number; CF: bits of the number of frames in flight.
module nn2hdl_start #(
    parameter BEATS = 1,
    parameter CB = 1,
    parameter CF = 1
) (
    input wire clk,
    input wire rst,
    input wire start,
    output wire done,
    output wire idle,
    output wire ready,
    output wire core_valid,
    input wire result_valid
);
    localparam [31:0] FINAL = BEATS - 1;
    reg [CB-1:0] in_beat;
    reg [CB-1:0] out_beat;
    reg [CF-1:0] flying;
    wire begins = start && !rst && in_beat == {CB{1'b0}};
    assign core_valid = begins || in_beat != {CB{1'b0}};
    assign ready = core_valid && in_beat == FINAL[CB-1:0];
    assign done = result_valid && out_beat == FINAL[CB-1:0];
    assign idle = !core_valid && flying == {CF{1'b0}};
    always @(posedge clk) begin
        if (rst) begin
            in_beat <= {CB{1'b0}};
            out_beat <= {CB{1'b0}};
            flying <= {CF{1'b0}};
        end else begin
            if (core_valid) in_beat <= ready ? {CB{1'b0}} : in_beat + 1'b1;
            if (result_valid) out_beat <= done ? {CB{1'b0}} : out_beat + 1'b1;
            if (begins && !done) flying <= flying + 1'b1;
            if (done && !begins) flying <= flying - 1'b1;
        end
    end
endmodule
