"""Small pieces of hardware, each synthesised alone by Yosys (`synth_xilinx -family xcup -nodsp`): what the formulas of
the cost model were fitted to.

usage: primitives.py DIR [NAME...], from the repository's root; about ten minutes
"""
import sys
from pathlib import Path
import random,json,subprocess
random.seed(1)
mods=[]
def mod(name, ports, body): mods.append((name,f"(* keep_hierarchy *) module {name}({ports});\n{body}\nendmodule\n"))
def s(w,sg): return f"input wire {'signed ' if sg else ''}[{w-1}:0]"
def ext(n,w,sg,to):
    if to<=w: return f"{n}[{to-1}:0]"
    return f"{{{{{to-w}{{{n}[{w-1}]}}}},{n}}}" if sg else f"{{{to-w}'d0,{n}}}"
for wa,sa,wb,sb,sub in [(8,1,8,1,0),(8,1,8,1,1),(8,0,8,0,0),(8,0,8,0,1),(12,1,8,1,0),(12,1,8,0,0),(12,0,8,1,0),(12,1,8,1,1),(8,1,12,1,1),(3,1,3,1,0),(2,0,2,0,0),(1,0,1,0,0),(1,0,1,0,1),(3,0,3,0,0),(4,1,4,1,0),(12,1,1,0,0)]:
    w=max(wa,wb)+1
    mod(f"add_{wa}{'su'[1-sa]}_{wb}{'su'[1-sb]}_{'sub' if sub else 'add'}", f"input wire [{wa-1}:0] a, input wire [{wb-1}:0] b, output wire [{w-1}:0] y", f"assign y = {ext('a',wa,sa,w)} {'-' if sub else '+'} {ext('b',wb,sb,w)};")
for c in [1,5,8,37]:
    mod(f"addc_10_{c}", "input wire [9:0] a, output wire [10:0] y", f"assign y = {{a[9],a}} + 11'd{c};")
for w in [2,4,6,7,8,10,12,16]:
    for c in sorted({1,(1<<w)*2//3|1,(1<<(w-1))-1}):
        if c<(1<<w): mod(f"ltc_{w}_{c}", f"input wire [{w-1}:0] a, output wire y", f"assign y = a < {w}'d{c};")
    mod(f"ltv_{w}", f"input wire [{w-1}:0] a, input wire [{w-1}:0] b, output wire y", "assign y = a < b;")
    mod(f"ltsv_{w}", f"input wire [{w-1}:0] a, input wire [{w-1}:0] b, output wire y", "assign y = $signed(a) < $signed(b);")
    mod(f"max_{w}", f"input wire [{w-1}:0] a, input wire [{w-1}:0] b, output wire [{w-1}:0] y", "assign y = a < b ? b : a;")
    mod(f"maxs_{w}", f"input wire [{w-1}:0] a, input wire [{w-1}:0] b, output wire [{w-1}:0] y", "assign y = $signed(a) < $signed(b) ? b : a;")
for w in [1,8]:
    mod(f"mux_{w}", f"input wire s, input wire [{w-1}:0] a, input wire [{w-1}:0] b, output wire [{w-1}:0] y", "assign y = s ? b : a;")
for wa,wb in [(2,2),(3,3),(4,4),(6,6),(8,8),(8,4),(6,3),(10,10),(12,12)]:
  for sg in (0,1):
    mod(f"mul_{wa}_{wb}_{sg}", f"input wire {'signed ' if sg else ''}[{wa-1}:0] a, input wire {'signed ' if sg else ''}[{wb-1}:0] b, output wire {'signed ' if sg else ''}[{wa+wb-1}:0] y", "assign y = a*b;")
for wa in (6,7,8,9,10,12):
    words=[random.randrange(256) for _ in range(1<<wa)]
    mod(f"rom_{wa}_8", f"input wire [{wa-1}:0] a, output reg [7:0] y", "always @* case(a)\n"+"\n".join(f"{wa}'d{i}: y=8'd{v};" for i,v in enumerate(words))+"\ndefault: y=0; endcase")
    import math
    words=[int(255/(1+math.exp(-(i-(1<<wa-1))*8/(1<<wa)))) for i in range(1<<wa)]
    mod(f"sig_{wa}_8", f"input wire [{wa-1}:0] a, output reg [7:0] y", "always @* case(a)\n"+"\n".join(f"{wa}'d{i}: y=8'd{v};" for i,v in enumerate(words))+"\ndefault: y=0; endcase")
for k in [2,3,4,8,16,17,18,31,32,33,34,64]:
    mod(f"srl_{k}", "input wire clk, input wire [3:0] a, output wire [3:0] y", "\n".join(f"reg [3:0] q{i};" for i in range(k))+"\nalways @(posedge clk) begin q0<=a;\n"+"\n".join(f"q{i}<=q{i-1};" for i in range(1,k))+f"\nend assign y=q{k-1};")
for k in [8,20]:
    mod(f"srlt_{k}", "input wire clk, input wire [3:0] a, output wire [3:0] y, output wire [3:0] z", "\n".join(f"reg [3:0] q{i};" for i in range(k))+"\nalways @(posedge clk) begin q0<=a;\n"+"\n".join(f"q{i}<=q{i-1};" for i in range(1,k))+f"\nend assign y=q{k-1}; assign z=q{k//2};")
src=open('hdl/nn2hdl_delay.v').read()
for W,cy in [(1,34),(4,34),(8,34),(8,65),(8,66),(8,130),(8,200),(8,384),(32,66),(64,66),(8,1000),(48,384),(6,66),(3,66)]:
    last=cy-2; wa=last.bit_length()
    mod(f"dly_{W}_{cy}", f"input wire clk, input wire [{W-1}:0] d, output wire [{W-1}:0] q", f"nn2hdl_delay #(.W({W}),.WA({wa}),.LAST({wa}'d{last})) u(.clk(clk),.d(d),.q(q));")
folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
(folder / "pieces.v").write_text(src + "".join(text for _, text in mods))
for name, _ in mods:
    if sys.argv[2:] and not any(part in name for part in sys.argv[2:]):
        continue
    script = f"read_verilog -sv {folder}/pieces.v; synth_xilinx -family xcup -nodsp -flatten -top {name}; tee -q -o {folder}/stat.json stat -json"
    subprocess.run(["yosys", "-q", "-p", script], check=True)
    text = (folder / "stat.json").read_text()
    cells = json.loads(text[text.index("{"):])["design"]["num_cells_by_type"]
    print(name, {kind: n for kind, n in cells.items() if kind not in ("BUFG", "IBUF", "OBUF")}, flush=True)
