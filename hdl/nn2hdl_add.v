// y = a + (b << HB), or a - (b << HB) if SUB, modulo 2^WY; HB < WY.
// SA, SB: whether the operand is two's complement. The HB low bits of a pass through.
module nn2hdl_add #(
    parameter WA = 1,
    parameter SA = 0,
    parameter WB = 1,
    parameter SB = 0,
    parameter HB = 0,
    parameter SUB = 0,
    parameter WY = 2
) (
    input wire [WA-1:0] a,
    input wire [WB-1:0] b,
    output wire [WY-1:0] y
);
    localparam W = WY - HB;
    wire [WY+WA-1:0] wide_a = {{WY{(SA != 0) && a[WA-1]}}, a};
    wire [WY+WB-1:0] wide_b = {{WY{(SB != 0) && b[WB-1]}}, b};
    generate
        if (SUB != 0) assign y[WY-1:HB] = wide_a[WY-1:HB] - wide_b[W-1:0];
        else assign y[WY-1:HB] = wide_a[WY-1:HB] + wide_b[W-1:0];
        if (HB != 0) assign y[HB-1:0] = wide_a[HB-1:0];
    endgenerate
    wire unused = &{1'b0, wide_a[WY+WA-1:WY], wide_b[WY+WB-1:W]};
endmodule
