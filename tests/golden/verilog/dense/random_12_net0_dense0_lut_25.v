// A table of constants.
module random_12_net0_dense0_lut_25 (
    input wire [6:0] a,
    output reg y
);
    always @* begin
        case (a)
            7'd0: y = 1'd0;
            7'd1: y = 1'd0;
            7'd2: y = 1'd0;
            7'd3: y = 1'd0;
            7'd4: y = 1'd0;
            7'd5: y = 1'd0;
            7'd6: y = 1'd0;
            7'd7: y = 1'd0;
            7'd8: y = 1'd0;
            7'd9: y = 1'd0;
            7'd10: y = 1'd0;
            7'd11: y = 1'd0;
            7'd12: y = 1'd0;
            7'd13: y = 1'd0;
            7'd14: y = 1'd0;
            7'd15: y = 1'd0;
            7'd16: y = 1'd0;
            7'd17: y = 1'd0;
            7'd18: y = 1'd0;
            7'd19: y = 1'd0;
            7'd20: y = 1'd0;
            7'd21: y = 1'd0;
            7'd22: y = 1'd0;
            7'd23: y = 1'd0;
            7'd24: y = 1'd0;
            7'd25: y = 1'd0;
            7'd26: y = 1'd0;
            7'd27: y = 1'd0;
            7'd28: y = 1'd0;
            7'd64: y = 1'd0;
            7'd65: y = 1'd0;
            7'd66: y = 1'd0;
            7'd67: y = 1'd0;
            7'd68: y = 1'd0;
            7'd69: y = 1'd0;
            7'd70: y = 1'd0;
            7'd71: y = 1'd0;
            7'd72: y = 1'd0;
            7'd73: y = 1'd0;
            7'd74: y = 1'd0;
            7'd75: y = 1'd0;
            7'd76: y = 1'd0;
            7'd77: y = 1'd0;
            7'd78: y = 1'd0;
            7'd79: y = 1'd0;
            7'd80: y = 1'd0;
            7'd81: y = 1'd0;
            7'd82: y = 1'd0;
            7'd83: y = 1'd0;
            7'd84: y = 1'd0;
            7'd85: y = 1'd0;
            7'd86: y = 1'd0;
            7'd87: y = 1'd0;
            7'd88: y = 1'd0;
            7'd89: y = 1'd0;
            7'd90: y = 1'd0;
            7'd91: y = 1'd0;
            default: y = 1'd1;
        endcase
    end
endmodule
