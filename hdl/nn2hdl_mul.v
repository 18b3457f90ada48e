// y = a * b modulo 2^WY. SA, SB: whether the operand is two's complement.
module nn2hdl_mul #(
    parameter WA = 1,
    parameter SA = 0,
    parameter WB = 1,
    parameter SB = 0,
    parameter WY = 2
) (
    input wire [WA-1:0] a,
    input wire [WB-1:0] b,
    output wire [WY-1:0] y
);
    wire [WY+WA-1:0] wide_a = {{WY{(SA != 0) && a[WA-1]}}, a};
    wire [WY+WB-1:0] wide_b = {{WY{(SB != 0) && b[WB-1]}}, b};
    generate
        if (SA != 0 || SB != 0) begin : is_signed
            assign y = $signed(wide_a[WY-1:0]) * $signed(wide_b[WY-1:0]);
        end else begin : is_unsigned
            assign y = wide_a[WY-1:0] * wide_b[WY-1:0];
        end
    endgenerate
    wire unused = &{1'b0, wide_a[WY+WA-1:WY], wide_b[WY+WB-1:WY]};
endmodule
