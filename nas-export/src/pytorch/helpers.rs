//! Python functions that a generated module defines if it uses them.

/// The functions by name.
pub const HELPERS: &[(&str, &str)] = &[
    (
        "attention",
        r#"def attention(q, k, v, q_heads, kv_heads, causal=False, window=0, scale=None, softcap=0.0):
    """q: [batch, T, q_heads * d]; k: [batch, S, kv_heads * d]; v: [batch, S, kv_heads * e]
    -> [batch, T, q_heads * e]"""
    heads = ((q, q_heads), (k, kv_heads), (v, kv_heads))
    q, k, v = (x.unflatten(-1, (count, -1)).transpose(1, 2) for x, count in heads)
    k, v = (x.repeat_interleave(q_heads // kv_heads, dim=1) for x in (k, v))
    scores = q @ k.transpose(-2, -1) * (q.shape[-1] ** -0.5 if scale is None else scale)
    if softcap:
        scores = softcap * torch.tanh(scores / softcap)
    distance = torch.arange(q.shape[-2], device=q.device)[:, None] - torch.arange(k.shape[-2], device=q.device)
    hidden = torch.zeros_like(distance, dtype=torch.bool)
    if causal:
        hidden |= distance < 0
    if window:
        hidden |= distance >= window
    scores = scores.masked_fill(hidden, float("-inf"))
    return (F.softmax(scores, dim=-1) @ v).transpose(1, 2).flatten(2)
"#,
    ),
    (
        "average_pool",
        r#"def average_pool(x, kernel, stride, pads):
    """The mean over all but the padding, which may differ from side to side."""
    pool = F.avg_pool2d if x.dim() == 4 else F.avg_pool1d
    inside = torch.ones_like(x[:1, :1])
    return pool(F.pad(x, pads), kernel, stride) / pool(F.pad(inside, pads), kernel, stride)
"#,
    ),
    (
        "depth_to_space",
        r#"def depth_to_space(x, block):
    """Channels to pixels in ONNX's order (block, block, channels), which differs from nn.PixelShuffle's."""
    n, c, h, w = x.shape
    x = x.reshape(n, block, block, c // block**2, h, w).permute(0, 3, 4, 1, 5, 2)
    return x.reshape(n, c // block**2, h * block, w * block)
"#,
    ),
    (
        "rotary",
        r#"def rotary(x, heads, base, width, interleaved):
    """x: [batch, T, heads * d]; the first `width` numbers of every head are rotated by their position."""
    x = x.unflatten(-1, (heads, -1))
    powers = torch.arange(0, width, 2, dtype=torch.float64, device=x.device) / width
    angles = torch.arange(x.shape[1], device=x.device)[:, None] * base**-powers
    cos, sin = angles.cos()[:, None].to(x.dtype), angles.sin()[:, None].to(x.dtype)
    x, rest = x[..., :width], x[..., width:]
    a, b = (x[..., 0::2], x[..., 1::2]) if interleaved else x.chunk(2, dim=-1)
    a, b = a * cos - b * sin, b * cos + a * sin
    x = torch.stack((a, b), dim=-1).flatten(-2) if interleaved else torch.cat((a, b), dim=-1)
    return torch.cat((x, rest), dim=-1).flatten(2)
"#,
    ),
    (
        "routing",
        r#"def routing(x, k):
    """Softmax over the k largest of the last axis, 0 elsewhere."""
    values, indices = x.topk(k, dim=-1)
    return torch.zeros_like(x).scatter(-1, indices, values.softmax(dim=-1))
"#,
    ),
    (
        "space_to_depth",
        r#"def space_to_depth(x, block):
    """Pixels to channels in ONNX's order (block, block, channels)."""
    n, c, h, w = x.shape
    x = x.reshape(n, c, h // block, block, w // block, block).permute(0, 3, 5, 1, 2, 4)
    return x.reshape(n, c * block**2, h // block, w // block)
"#,
    ),
];
