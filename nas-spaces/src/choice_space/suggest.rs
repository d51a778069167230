//! What a definition may have meant by a name that it cannot use: the names of PyTorch and Keras, and typing errors.

use nas_api::graph::operators;

use crate::definition::nearest;

/// Names of other libraries, in lower case and without `1d`, `2d` or `3d`, and the operator of the same meaning.
const OPERATORS: &[(&str, &str)] = &[
    ("linear", "Gemm"),
    ("dense", "Gemm"),
    ("fc", "Gemm"),
    ("fullyconnected", "Gemm"),
    ("convolution", "Conv"),
    ("deconv", "ConvTranspose"),
    ("silu", "Swish"),
    ("hswish", "HardSwish"),
    ("hsigmoid", "HardSigmoid"),
    ("batchnorm", "BatchNormalization"),
    ("bn", "BatchNormalization"),
    ("layernorm", "LayerNormalization"),
    ("groupnorm", "GroupNormalization"),
    ("instancenorm", "InstanceNormalization"),
    ("rmsnorm", "RMSNormalization"),
    ("avgpool", "AveragePool"),
    ("averagepooling", "AveragePool"),
    ("maxpooling", "MaxPool"),
    ("adaptiveavgpool", "GlobalAveragePool"),
    ("globalavgpool", "GlobalAveragePool"),
    ("globalaveragepooling", "GlobalAveragePool"),
    ("gap", "GlobalAveragePool"),
    ("adaptivemaxpool", "GlobalMaxPool"),
    ("globalmaxpooling", "GlobalMaxPool"),
    ("upsample", "Resize"),
    ("upsampling", "Resize"),
    ("interpolate", "Resize"),
    ("pixelshuffle", "DepthToSpace"),
    ("pixelunshuffle", "SpaceToDepth"),
    ("zeropad", "Pad"),
    ("zeropadding", "Pad"),
    ("embedding", "Gather"),
    ("permute", "Transpose"),
    ("view", "Reshape"),
    ("unflatten", "Reshape"),
    ("hardtanh", "Clip"),
    ("clamp", "Clip"),
    ("droppath", "DropPath"),
    ("stochasticdepth", "DropPath"),
];

/// Names of attributes in other libraries, and the attribute of the same meaning.
const ATTRIBUTES: &[(&str, &str)] = &[
    ("kernel_size", "kernel_shape"),
    ("kernel", "kernel_shape"),
    ("pool_size", "kernel_shape"),
    ("padding", "pads"),
    ("pad", "pads"),
    ("stride", "strides"),
    ("dilation", "dilations"),
    ("dilation_rate", "dilations"),
    ("groups", "group"),
    ("filters", "out_channels"),
    ("channels", "out_channels"),
    ("units", "out_features"),
    ("features", "out_features"),
    ("use_bias", "bias"),
    ("p", "ratio"),
    ("rate", "ratio"),
    ("negative_slope", "alpha"),
    ("eps", "epsilon"),
    ("scale_factor", "scales"),
    ("upscale_factor", "blocksize"),
    ("downscale_factor", "blocksize"),
    ("dims", "perm"),
    ("dim", "axis"),
    ("min_val", "min"),
    ("max_val", "max"),
];

/// Attributes that other libraries need, and that the shape of the input decides here.
const FOLLOW_FROM_THE_INPUT: [&str; 5] =
    ["in_channels", "in_features", "num_features", "num_channels", "normalized_shape"];

/// Why an operator cannot be a layer, with the one that was probably meant.
pub fn refused_operator(op: &str) -> String {
    let refused = format!("'{op}' is not an ONNX operator with one input");
    let last = op.rsplit('.').next().unwrap_or(op);
    let plain: String =
        last.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect();
    let plain = ["1d", "2d", "3d"].iter().find_map(|ending| plain.strip_suffix(ending)).unwrap_or(&plain);
    let list = "`nas space operators` lists those that can be used";
    if operators::is_known(op) {
        return format!("{refused}, so it cannot be a layer of a chain; {list}");
    }
    if plain.starts_with("depthwise") || plain.starts_with("separable") {
        return format!(
            "{refused}; a depthwise convolution is a 'Conv' whose 'group' equals the channels of its input; {list}"
        );
    }
    let alias = OPERATORS.iter().find(|(name, _)| *name == plain).map(|(_, operator)| *operator);
    let unary = operators::names().filter(|name| operators::is_unary(name));
    match alias.or_else(|| nearest(last, unary)) {
        Some(meant) => format!("{refused}; did you mean '{meant}'? {list}"),
        None => format!("{refused}; {list}"),
    }
}

/// Why an operator does not take an attribute, with the one that was probably meant among those that it takes.
pub fn refused_attribute(op: &str, attribute: &str, known: &[&str]) -> String {
    let refused = format!("'{op}' takes no attribute '{attribute}'");
    let list = if known.is_empty() { "none".into() } else { known.join(", ") };
    if FOLLOW_FROM_THE_INPUT.contains(&attribute) {
        return format!("{refused}; leave it out, because it follows from the input (known: {list})");
    }
    let alias = ATTRIBUTES.iter().find(|(name, meant)| *name == attribute && known.contains(meant));
    let meant = alias.map(|(_, meant)| *meant).or_else(|| nearest(attribute, known.iter().copied()));
    let hint = meant.map_or(String::new(), |meant| format!("; did you mean '{meant}'?"));
    format!("{refused}{hint} (known: {list})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_other_libraries_are_understood() {
        for (name, meant) in [
            ("ReLU", "Relu"),
            ("GELU", "Gelu"),
            ("SiLU", "Swish"),
            ("Conv2d", "Conv"),
            ("nn.Linear", "Gemm"),
            ("BatchNorm2d", "BatchNormalization"),
            ("AvgPool2d", "AveragePool"),
            ("AdaptiveAvgPool2d", "GlobalAveragePool"),
            ("LeakyReLU", "LeakyRelu"),
            ("Hardswish", "HardSwish"),
            ("Drpout", "Dropout"),
        ] {
            let message = refused_operator(name);
            assert!(message.contains(&format!("did you mean '{meant}'?")), "{message}");
        }
        assert!(refused_operator("DepthwiseConv2D").contains("'group'"));
        let message = refused_operator("Xyzzy");
        assert!(!message.contains("did you mean") && message.contains("nas space operators"), "{message}");
    }

    #[test]
    fn every_alias_means_something_that_exists() {
        for (alias, operator) in OPERATORS {
            assert!(operators::is_unary(operator), "{alias} means {operator}");
        }
        for (alias, attribute) in ATTRIBUTES {
            let is_taken =
                |op: &&str| operators::attributes(op).is_some_and(|attributes| attributes.contains(attribute));
            assert!(operators::names().any(|op| is_taken(&op)), "{alias} means {attribute}");
        }
    }

    #[test]
    fn attributes_of_other_libraries_are_understood() {
        let known = operators::attributes("Conv").unwrap_or_default();
        for (given, meant) in [("kernel_size", "kernel_shape"), ("padding", "pads"), ("stride", "strides")] {
            let message = refused_attribute("Conv", given, known);
            assert!(message.contains(&format!("did you mean '{meant}'?")), "{message}");
        }
        assert!(refused_attribute("Conv", "in_channels", known).contains("leave it out"));
        assert!(refused_attribute("Dropout", "p", &["ratio"]).contains("did you mean 'ratio'?"));
    }
}
