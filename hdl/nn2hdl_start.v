// The ap_ctrl_hs protocol around a core of fixed latency that takes BI beats of a frame without a pause, gives BO beats of
// results and takes the next frame II cycles after the last at the earliest.
// A frame begins in a cycle with start high while none is being taken; its beats follow in the cycles after.
// ready is high in the last cycle before the next may begin, done with the last beat of results, idle while nothing is in
// flight. CB: bits that count to II and BO; CF: bits of the number of frames in flight.
module nn2hdl_start #(
    parameter BI = 1,
    parameter BO = 1,
    parameter II = 1,
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
    localparam [31:0] FINAL = BI - 1;
    localparam [31:0] FINAL_RESULT = BO - 1;
    localparam [31:0] FINAL_CYCLE = II - 1;
    reg [CB-1:0] cycle;
    reg [CB-1:0] out_beat;
    reg [CF-1:0] flying;
    wire begins = start && !rst && cycle == {CB{1'b0}};
    wire busy = begins || cycle != {CB{1'b0}};
    assign core_valid = busy && cycle <= FINAL[CB-1:0];
    assign ready = busy && cycle == FINAL_CYCLE[CB-1:0];
    assign done = result_valid && out_beat == FINAL_RESULT[CB-1:0];
    assign idle = !busy && flying == {CF{1'b0}};
    always @(posedge clk) begin
        if (rst) begin
            cycle <= {CB{1'b0}};
            out_beat <= {CB{1'b0}};
            flying <= {CF{1'b0}};
        end else begin
            if (busy) cycle <= ready ? {CB{1'b0}} : cycle + 1'b1;
            if (result_valid) out_beat <= done ? {CB{1'b0}} : out_beat + 1'b1;
            if (begins && !done) flying <= flying + 1'b1;
            if (done && !begins) flying <= flying - 1'b1;
        end
    end
endmodule
