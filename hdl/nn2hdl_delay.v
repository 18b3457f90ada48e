// A long delay: q is what d was LAST + 2 cycles before. The memory is written where it was read just before.
module nn2hdl_delay #(
    parameter W = 1,
    parameter WA = 1,
    parameter [WA-1:0] LAST = {WA{1'b1}}
) (
    input wire clk,
    input wire [W-1:0] d,
    output reg [W-1:0] q
);
    reg [W-1:0] memory [0:LAST];
    reg [WA-1:0] at;
    initial at = {WA{1'b0}};
    always @(posedge clk) begin
        q <= memory[at];
        memory[at] <= d;
        at <= at == LAST ? {WA{1'b0}} : at + 1'b1;
    end
endmodule
