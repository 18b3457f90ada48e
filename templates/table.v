// A table of constants.
module {{ name }} (
    input wire {{ address }}a,
    output reg {{ word }}y
);
    always @* begin
        case (a)
{%- for (at, word) in entries %}
            {{ at }}: y = {{ word }};
{%- endfor %}
            default: y = {{ default }};
        endcase
    end
endmodule
