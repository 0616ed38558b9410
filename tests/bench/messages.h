/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the generated lines say; included once, by generate.c, which tells what stands in braces. In a list whose lines are drawn with
 * MOSTLY the first ones come most often. *_lines are ordinary, *_severe hold a severe word (error, fail, timeout, …) and are
 * nobody's, *_matching are asked for by a parser or a built-in rule,
 * *_telemetry are measurements and requests that parsers keep although nothing is wrong.
 */

static const char *const kernel_lines[] = {
	"audit: type=1400 audit({e}.{100-999}:{c}): apparmor=\"ALLOWED\" operation=\"open\" class=\"file\" profile=\"{w}\" name=\"{p}\" pid={5} comm=\"{w}\" requested_mask=\"r\" fsuid={3} ouid=0",
	"[UFW ALLOW] IN=ens3 OUT= MAC={m}:{m}:08:00 SRC={i} DST={i} LEN={40-1500} TOS=0x00 PREC=0x00 TTL={40-64} ID={5} DF PROTO=TCP SPT={5} DPT={4} WINDOW={5} RES=0x00 SYN URGP=0",
	"br-{x12}: port {1-40}(veth{x7}) entered forwarding state",
	"veth{x7}: renamed from eth0",
	"IPv6: ADDRCONF(NETDEV_CHANGE): veth{x7}: link becomes ready",
	"eth0: renamed from veth{x7}",
	"device veth{x7} left promiscuous mode",
	" {f}+0x{x3}/0x{x3}",
	"audit: backlog limit is {4}, {2} waiting",
	"usb {1-4}-{1-8}: new high-speed USB device number {2-60} using xhci_hcd",
	"usb {1-4}-{1-8}: New USB device found, idVendor={x4}, idProduct={x4}, bcdDevice= {1-9}.{10-99}",
	"cgroup: fork accepted by pids controller in /kubepods.slice/{o}",
	"pci {b}: BAR {0-5}: assigned [mem 0x{x8}-0x{x8} 64bit pref]",
	"nvme nvme{0-7}: {8-128}/0/0 default/read/poll queues",
	"EXT4-fs (nvme{0-7}n1p{1-4}): mounted filesystem {g} r/w with ordered data mode. Quota mode: none.",
	"XFS (dm-{0-60}): Mounting V5 Filesystem {g}",
	"XFS (dm-{0-60}): Ending clean mount",
	"amdgpu {b}: amdgpu: ring comp_1.{0-3}.{0-7} uses VM inv eng {0-17} on hub 0",
	"amdgpu {b}: amdgpu: SMU is initialized successfully!",
	"nvidia-uvm: Loaded the UVM driver, major device number {234-511}.",
	"systemd-journald[{3}]: Received client request to flush runtime journal.",
	"perf: interrupt took longer than average ({4} > {4}), lowering kernel.perf_event_max_sample_rate to {5}",
	"process '{p}' started with executable stack",
	"EDAC MC{0-7}: Giving out device to module skx_edac controller Skylake Socket#{0-1} IMC#{0-1}: DEV {b} (INTERRUPT)",
	"CPU{1-127}: Package temperature/speed normal",
};
static const char *const kernel_severe[] = {
	"audit: error in audit_log_object_context while {w} {2}",
	"{w}: probe of {b} failed with error -{1-110}",
	"usb {1-4}-{1-8}: device descriptor read/64, error -{32-110}",
	"platform {w}.{0-9}: timeout waiting for {w} to settle, continuing",
	"ACPI Error: No handler for Region [{w}] (0x{x16}) [EmbeddedControl] ({8}/evregion-130)",
	"bridge: {w} not loaded, refused request {c} from {m}",
	"{w} {b}: firmware reports aborted command 0x{x4}, retried",
};
static const char *const kernel_matching[] = {
	"NVRM: Xid (PCI:{b}): 79, pid={5}, name=python3, GPU has fallen off the bus.",
	"NVRM: Xid (PCI:{b}): 31, pid={5}, name=python3, Ch 000000{x2}, intr 00000000. MMU Fault: ENGINE GRAPHICS GPC{0-7} GPCCLIENT_T1_0 faulted @ 0x7f{x2}_{x8}. Fault is of type FAULT_PDE ACCESS_TYPE_VIRT_READ",
	"NVRM: Xid (PCI:{b}): 94, pid={5}, name={w}, Contained: CE User Channel (0x9). RST: No, D-RST: No",
	"Out of memory: Killed process {5} ({w}) total-vm:{8}kB, anon-rss:{8}kB, file-rss:{4}kB, shmem-rss:0kB, UID:{3} pgtables:{5}kB oom_score_adj:0",
	"{w} invoked oom-killer: gfp_mask=0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), order=0, oom_score_adj={3}",
	"INFO: task {w}:{5} blocked for more than 122 seconds.",
	"watchdog: BUG: soft lockup - CPU#{0-127} stuck for {22-90}s! [{w}:{5}]",
	"rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
	"EXT4-fs error (device nvme{0-7}n1p{1-4}): ext4_lookup:1785: inode #{8}: comm {w}: deleted inode referenced: {8}",
	"I/O error, dev nvme{0-7}n1, sector {9} op 0x0:(READ) flags 0x80700 phys_seg {1-32} prio class 2",
	"nvme nvme{0-7}: I/O {3} (Read) QID {1-64} timeout, aborting",
	"XFS (dm-{0-60}): Metadata corruption detected at xfs_agf_read_verify+0x{x2}/0x{x3} [xfs], xfs_agf block 0x{x6}",
	"amdgpu {b}: amdgpu: ring gfx_0.0.0 timeout, signaled seq={6}, emitted seq={6}",
	"amdgpu: Freeing queue vital buffer 0x7{x11}, queue evicted",
	"pcieport {b}: AER: Uncorrected (Fatal) error received: {b}",
	"mce: [Hardware Error]: CPU {0-127}: Machine Check: 0 Bank {0-20}: be00000000{x6}",
	"EDAC MC0: 1 CE memory read error on CPU_SrcID#0_MC#0_Chan#{0-1}_DIMM#0 (channel:{0-1} slot:0 page:0x{x6} offset:0x{x3} grain:32 syndrome:0x0)",
	"{w}[{5}]: segfault at {x8} ip 00007f{x10} sp 00007ff{x9} error 4 in libc.so.6[7f{x10}+195000] likely on CPU {0-127} (core {0-31}, socket 0)",
	"nf_conntrack: nf_conntrack: table full, dropping packet",
	"TCP: request_sock_TCP: Possible SYN flooding on port {4}. Sending cookies.",
};

static const char *const programs[] = {
	"systemd[1]", "sshd[{5}]", "CRON[{5}]", "dockerd[{4}]", "kubelet[{4}]", "NetworkManager[{3}]", "chronyd[{3}]", "containerd[{4}]",
	"python3[{5}]", "rsyslogd[{3}]", "systemd-logind[{3}]", "dbus-daemon[{3}]", "cron[{3}]", "slurmd[{4}]",
};
static const char *const daemon_lines[] = {
	"Started Session {c} of User {u}.",
	"Accepted publickey for {u} from {i} port {5} ssh2: ED25519 SHA256:{x43}",
	"pam_unix(sshd:session): session opened for user {u}(uid={4}) by {u}(uid=0)",
	"pam_unix(cron:session): session closed for user {u}",
	"(root) CMD (test -x {p} && {p} --quiet)",
	"run-docker-runtime\\x2drunc-moby-{x16}-runc.{w}.mount: Deactivated successfully.",
	"{w}.service: Consumed {1-900}.{100-999}s CPU time.",
	"I1121 12:04:{10-59}.{6} {5} {w}.go:{3}] \"{s}\" pod=\"{w}/{o}\"",
	"level=info msg=\"{s}\" id={x16} namespace=moby",
	"<info>  [{e}.{4}] dhcp4 (ens3): state changed bound -> extended, address={i}",
	"Selected source {i} ({w}.pool.ntp.org)",
	"New session {c} of user {u}.",
	"Received disconnect from {i} port {5}:11: disconnected by user",
	"Starting {w}.service - {s}...",
	"Finished {w}.service - {s}.",
	"[system] Successfully activated service 'org.freedesktop.{w}'",
	"launch task StepId={7}.0 request from UID:{4} GID:{4} HOST:{i} PORT:{5}",
	"{s}",
	"imuxsock: acquired UNIX socket '/run/systemd/journal/syslog' (fd 3) from systemd.  [v8.2302.0]",
};
static const char *const daemon_severe[] = {
	"Failed password for invalid user {u} from {i} port {5} ssh2",
	"error: kex_exchange_identification: client sent invalid protocol identifier \"{w}\"",
	"{w}.service: Watchdog ping timeout ignored while {w} is paused",
	"level=error msg=\"{s}: context deadline exceeded\" id={x16}",
	"E1121 12:05:{10-59}.{6} {5} {w}.go:{3}] \"Failed to {w}\" err=\"{s}\" pod=\"{w}/{o}\"",
	"could not deliver {w} to {h}: connection refused by peer",
};

static const char *const server_lines[] = {
	"{s}",
	"{s} in {4} ms",
	"GET {p} 200 {3}ms user={u} ip={i}",
	"{w} {w}={6} {w}={x8} {w}={g}",
	"connection {c} from {i}:{5} {s}",
	"Scheduled {2} of {3} jobs on {h}; {s}",
	"saved {p} ({8} bytes, sha256 {x64})",
	"cache hit ratio {0-99}.{1}% over {6} lookups, {5} entries in {w}",
	"heartbeat from {h} rtt={0-9}.{3}ms term={4} index={8}",
	"epoch {1-90} [{5}/{6}] eta {0-23}:{10-59}:{10-59} data {0-3}.{4} ({0-3}.{4}) mem {5}MB",
	"{w}.{w}(): {s}; next in {3} s",
	"user {u} {s} from {i}",
};
static const char *const server_severe[] = {
	"error while {s}: retry {1-9} of 10",
	"{s} failed, will try again in {2} s",
	"timeout of {4} ms reached for {w}; {s}",
	"request {g} was aborted by the client after {4} ms",
	"{w}Exception: {s}",
	"access denied for {u} to {p}",
	"unable to reach {h}:{4}: {s}",
};
static const char *const server_matching[] = {
	"torch.OutOfMemoryError: CUDA out of memory. Tried to allocate {1-90}.{10-99} GiB. GPU {0-7} has a total capacity of 79.15 GiB of which {1-9}.{10-99} GiB is free.",
	"RuntimeError: CUDA error: an illegal memory access was encountered",
	"RuntimeError: CUDA error: device-side assert triggered",
	"[rank{0-7}]:[E1121 12:01:{10-59}.{6} ProcessGroupNCCL.cpp:632] [Rank {0-7}] Watchdog caught collective operation timeout: WorkNCCL(SeqNum={5}, OpType=ALLREDUCE, NumelIn={8}, NumelOut={8}, Timeout(ms)=600000) ran for 600{100-999} milliseconds before timing out.",
	"OSError: [Errno 28] No space left on device: '{p}'",
	"java.lang.OutOfMemoryError: Java heap space",
	"panic: runtime error: invalid memory address or nil pointer dereference",
	"terminate called after throwing an instance of 'std::bad_alloc'",
	"socket: Too many open files",
	"Fatal Python error: Segmentation fault",
	"RuntimeError: DataLoader worker (pid {5}) is killed by signal: Killed.",
};

static const char *const ollama_lines[] = {
	"source=routes.go:{4} msg=\"{s}\" id={x12}",
	"source=download.go:{3} msg=\"downloading {x12} in {1-60} {3} MB part(s)\"",
	"source=images.go:{3} msg=\"total unused blobs removed: {2}\"",
	"source=runner.go:{3} msg=\"{s}\" seq={1} len={4}",
	"source=cache.go:{3} msg=\"loading cache slot\" id={1} cache={4} prompt={4} used={4} remaining={2}",
};
static const char *const ollama_severe[] = {
	"source=routes.go:{3} msg=\"{s}\" error=\"{w} not found, try pulling it first\"",
	"source=download.go:{3} msg=\"{x12} part {1-60} attempt {1-5} failed: {s}, retrying in {1-16}s\"",
	"source=images.go:{3} msg=\"couldn't refresh {w}: request was denied\"",
};
static const char *const ollama_matching[] = {
	"source=server.go:{3} msg=\"llama runner process has terminated: signal: killed\"",
	"source=sched.go:{3} msg=\"error loading llama server\" error=\"llama runner process has terminated: cudaMalloc failed: out of memory\"",
	"source=sched.go:{3} msg=\"gpu VRAM usage didn't recover within timeout\" seconds={5-6}.{9} model=/root/.ollama/models/blobs/sha256-{x64}",
};
static const char *const llama_lines[] = {
	"llama_model_loader: - kv  {0-40}:                    general.{w} str              = {w}",
	"llama_model_loader: - type  f32:  {3} tensors",
	"llama_kv_cache_unified: layer {0-79}: dev = CUDA0",
	"slot  release: id  {0-3} | task {5} | stop processing: n_past = {5}, truncated = 0",
	"srv  update_slots: all slots are idle",
	"print_info: n_embd_{w}     = {5}",
};

static const char *const vllm_lines[] = {
	"[chat_utils.py:{3}] Detected the chat template content format to be 'string'; {s}",
	"[launcher.py:{2}] Route: {p}, Methods: GET, HEAD",
	"[metrics.py:{3}] {s}: {6}",
	"[async_llm.py:{3}] Added request chatcmpl-{x32}.",
	"[logger.py:{2}] Received request cmpl-{x32}: params: SamplingParams(n=1, temperature=0.{1}, top_p=1.0, max_tokens={4}), lora_request: None.",
	"[engine.py:{3}] {s}",
};
static const char *const vllm_severe[] = {
	"[serving_chat.py:{3}] Error in preprocessing prompt inputs: {s}",
	"[async_llm.py:{3}] Request chatcmpl-{x32} aborted.",
	"[hub.py:{3}] request to {h} failed: {s}",
};
static const char *const vllm_matching[] = {
	"[core.py:{3}] EngineCore encountered a fatal error.",
	"[core.py:{3}] torch.OutOfMemoryError: CUDA out of memory. Tried to allocate {1-20}.{10-99} GiB. GPU {0-7} has a total capacity of 79.15 GiB of which {1-9}.{10-99} GiB is free.",
	"[scheduler.py:{4}] Sequence group {x32} is preempted by PreemptionMode.RECOMPUTE mode because there is not enough KV cache space.",
};

static const char *const request_lines[] = {
	"\"GET {p} HTTP/1.1\" 200 {6} \"-\" \"", "\"GET {p}?id={g} HTTP/2.0\" 200 {5} \"https://{h}{p}\" \"", "\"POST /v1/{w} HTTP/1.1\" 201 {4} \"-\" \"",
	"\"GET {p} HTTP/1.1\" 304 0 \"https://{h}/\" \"", "\"GET /healthz HTTP/1.1\" 200 2 \"-\" \"", "\"HEAD {p} HTTP/1.1\" 200 0 \"-\" \"",
	"\"GET {p} HTTP/1.1\" 404 153 \"-\" \"",
};
static const char *const nginx_lines[] = {
	"client {i} closed keepalive connection", "{s} while sending to client", "a client request body is buffered to a temporary file {p}",
};
static const char *const nginx_severe[] = {
	"open() \"/usr/share/nginx/html{p}\" failed (2: No such file or directory)", "access forbidden by rule, denied",
};

static const char *const audit_lines[] = {
	"arch=c000003e syscall={3} success=yes exit=0 a0={x8} a1={x8} a2={x4} a3=0 items={0-3} ppid={5} pid={5} auid={4} uid={4} gid={4} euid=0 suid=0 fsuid=0 egid={4} tty=pts{0-9} ses={4} comm=\"{w}\" exe=\"{p}\" key=\"{w}\"",
	"op=PAM:accounting grantors=pam_unix acct=\"{u}\" exe=\"/usr/sbin/sshd\" hostname={i} addr={i} terminal=ssh res=success",
	"item=0 name=\"{p}\" inode={8} dev=fd:0{0-9} mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL cap_fp=0",
};

static const char *const nccl_lines[] = {
	"INFO P2P Chunksize set to {6}",
	"INFO {w}: {s}",
	"INFO threadThresholds {1}/{2}/{3} | {3}/{1}/{3} | {3} | {3}",
	"INFO Ring {0-31} : {0-63} -> {0-63} -> {0-63}",
	"INFO Trees [{0-15}] {0-7}/-1/-1->{0-7}->{0-7} [{0-15}] {0-7}/-1/-1->{0-7}->{0-7}",
	"INFO NET/IB : Using [0]mlx5_{0-7}:1/IB/SHARP [RO]; OOB ens3:{i}<{5}>",
	"INFO Connected all rings, use ring PXN 0 GDR 1",
	"INFO {w} set by environment to {1}.",
};
static const char *const nccl_severe[] = {
	"INFO NET/Plugin: Failed to find {w} symbol, using internal",
	"INFO {w} timeout set to {1-30}",
};
static const char *const nccl_matching[] = {
	"WARN NET/IB : Got completion from peer {i}<{5}> with status=12 opcode=0 len=0 vendor err 129 (Recv) localGid fe80::{x4}:{x4} remoteGidsfe80::{x4}:{x4} hca mlx5_{0-7}",
	"WARN socketStartConnect: Connect to {i}<{5}> failed : Software caused connection abort",
	"WARN Cuda failure 2 'out of memory'",
	"WARN Call to ibv_modify_qp failed with error Connection timed out errno 110",
};

static const char *const stack_lines[] = {
	"  File \"{p}\", line {4}, in {w}", "    return self._{w}({w}, {w}={w})", "\tat com.{w}.{w}.{w}({w}.java:{3})", "#{0-30}  0x00007f{x10} in {w} () from {p}",
	"main.(*{w}).{w}(0xc000{x6}, 0x{x3})", "\t{p}:{3} +0x{x3}",
};

/* captures and settings, small files of a report */
static const char *const process_lines[] = {
	"root     {7}  0.{0-9}  0.{0-9} {7} {6} ?        Ss   Nov{10-28}   0:{10-59} {p} --{w}={w}",
	"{u}  {7} {0-99}.{0-9}  {0-9}.{0-9} {8} {7} ?        Sl   12:{10-59}  {1-99}:{10-59} python3 {p} --{w} {6}",
	"root     {7}  0.0  0.0      0     0 ?        I    Nov20   0:0{0-9} [kworker/{0-127}:{0-9}-{w}]",
};
static const char *const setting_lines[] = {
	"{w}.{w} = {6}", "{w}={p}", "# {s}", "{w}: {w}", "{w} {i} {m} {6}", "  {w}: {6} kB", "{x8}-{x8} r-xp {x8} fd:00 {8} {p}", "[{w}]", "{w} \"{s}\"",
};

/* what a broken service says all day; the two shapes of the first line differ in a number alone */
static const char *const repeating[] = {
	"{w}-proxy[{4}]: upstream {i}:{4}: connection refused ({c} times)",
	"kernel: I/O error, dev sda, sector {9} op 0x0:(READ) flags 0x80700 phys_seg 1 prio class 2",
	"kubelet[1811]: E1121 12:05:{10-59}.{6}    1811 pod_workers.go:1298] \"Error syncing pod, skipping\" err=\"failed to \\\"StartContainer\\\" for \\\"app\\\" with CrashLoopBackOff: \\\"back-off 5m0s restarting failed container=app\\\"\" pod=\"prod/{o}\"",
	"kernel: nf_conntrack: nf_conntrack: table full, dropping packet",
};

static const char *const kernel_telemetry[] = {
	"mlx5_core {b} ens{1-12}np0: Link up",
	"igb {b} eno{1-4}: igb: eno{1-4} NIC Link is Up 1000 Mbps Full Duplex, Flow Control: RX/TX",
	"Memory: {8}K/{9}K available ({5}K kernel code, {4}K rwdata, {5}K rodata, {4}K init, {4}K bss)",
};
static const char *const server_telemetry[] = {
	"request {g} {s} status=200 bytes={6}",
	"step {6} loss={0-9}.{4} lr={1-9}.{2}e-05 grad_norm={0-9}.{3} tokens/s={5}",
};
static const char *const vllm_telemetry[] = {
	"[loggers.py:118] Engine 000: Avg prompt throughput: {4}.{1} tokens/s, Avg generation throughput: {4}.{1} tokens/s, Running: {2} reqs, Waiting: {2} reqs, GPU KV cache usage: {0-90}.{1}%, Prefix cache hit rate: {0-90}.{1}%",
	"[gpu_model_runner.py:{4}] Graph capturing finished in {2} secs, took {0-3}.{2} GiB",
	"[default_loader.py:{3}] Loading weights took {2}.{2} seconds",
	"[kv_cache_utils.py:{3}] GPU KV cache size: {6} tokens",
};
static const char *const ollama_telemetry[] = {
	"source=server.go:{3} msg=\"llama runner started in {0-90}.{2} seconds\"",
	"source=sched.go:{3} msg=\"new model will fit in available VRAM in single GPU, loading\" model=/root/.ollama/models/blobs/sha256-{x64} gpu=GPU-{g} parallel={1-4} available={10} required=\"{1-90}.{1} GiB\"",
	"source=types.go:{3} msg=\"inference compute\" id=GPU-{g} library=cuda variant=v12 compute=9.0 driver=12.8 name=\"NVIDIA H100 80GB HBM3\" total=\"79.2 GiB\" available=\"{10-78}.{1} GiB\"",
	"source=server.go:{3} msg=\"system memory\" total=\"503.5 GiB\" free=\"{100-480}.{1} GiB\" free_swap=\"8.0 GiB\"",
	"source=routes.go:{4} msg=\"Listening on 127.0.0.1:11434 (version 0.9.{0-6})\"",
};
static const char *const gin_lines[] = {
	" | 200 | {1-60}.{9}s |       {i} | POST     \"/api/chat\"",
	" | 200 | {1-900}.{6}ms |       {i} | POST     \"/api/embed\"",
	" | 200 |      {10-99}.{3}µs |       {i} | GET      \"/api/tags\"",
	" | 200 | {1-60}.{9}s |       {i} | POST     \"/v1/chat/completions\"",
};
static const char *const llama_telemetry[] = {
	"load_tensors: offloaded {10-80}/{10-80} layers to GPU",
	"load_tensors:        CUDA0 model buffer size = {5}.{2} MiB",
	"slot update_slots: id  {0-3} | task {5} | new prompt, n_ctx_slot = {5}, n_keep = {2}, n_prompt_tokens = {5}",
	"prompt eval time =   {5}.{2} ms / {5} tokens (  {1-9}.{2} ms per token, {4}.{2} tokens per second)",
};
static const char *const nccl_telemetry[] = {
	"INFO Channel {0-31}/0 : {0-7}[{0-7}] -> {0-7}[{0-7}] via P2P/CUMEM/read",
	"INFO comm 0x{x12} rank {0-63} nranks 64 cudaDev {0-7} nvmlDev {0-7} busId {x5} commId 0x{x16} - Init COMPLETE",
};
