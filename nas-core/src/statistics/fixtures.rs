//! Reference numbers, computed with SciPy 1.17.1 (`st` is `scipy.stats`), statsmodels and pymoo 0.6.2. Each constant
//! names the call that gave it.

/// Pairs whose differences are all distinct and not zero.
pub const UNTIED_A: [f64; 20] = [
    93.309, 93.527, 93.771, 93.422, 93.761, 93.838, 93.814, 93.597, 94.037, 94.156, 93.928, 93.473, 94.093, 93.599,
    94.152, 93.371, 94.166, 93.792, 93.301, 93.674,
];
/// The other halves of the pairs of [`UNTIED_A`].
pub const UNTIED_B: [f64; 20] = [
    93.527, 93.636, 93.009, 92.946, 93.6, 93.267, 93.618, 93.88, 92.676, 93.627, 94.112, 93.351, 93.095, 93.876,
    93.627, 93.948, 93.327, 92.759, 93.445, 93.277,
];
/// `st.wilcoxon(a, b, zero_method="wilcox", method="exact").pvalue`
pub const UNTIED_WILCOXON_P: f64 = 0.032_768_249_511_718_75;
/// `st.mannwhitneyu(a, b).statistic`
pub const UNTIED_U: f64 = 286.5;

/// `(w - v) / (w + v)`, where w and v are the sums of `st.rankdata(abs(a - b))` over positive and negative differences.
pub const UNTIED_RANK_BISERIAL: f64 = 0.542_857_142_857_142_8;

/// Pairs with tied differences, two of which are zero.
pub const TIED_A: [f64; 24] = [
    2.0, 2.0, 6.0, 6.0, 7.0, 1.0, 7.0, 7.0, 2.0, 0.0, 6.0, 7.0, 4.0, 1.0, 1.0, 3.0, 6.0, 2.0, 0.0, 6.0, 6.0, 1.0, 5.0,
    3.0,
];
/// The other halves of the pairs of [`TIED_A`].
pub const TIED_B: [f64; 24] = [
    3.0, 0.0, 4.0, 1.0, 3.0, 2.0, 4.0, 0.0, 2.0, 4.0, 5.0, 2.0, 0.0, 5.0, 3.0, 4.0, 1.0, 3.0, 6.0, 6.0, 2.0, 4.0, 0.0,
    5.0,
];
/// Exact, by enumeration with NumPy: with d = a − b without zeros, r = `st.rankdata(abs(d))` and w the sums of all 2²²
/// subsets of r, `2 * (w <= min(r[d > 0].sum(), r[d < 0].sum())).mean()`. SciPy's approximation is 0.1979.
pub const TIED_WILCOXON_P: f64 = 0.199_575_424_194_335_94;
/// `st.mannwhitneyu(a, b).statistic`
pub const TIED_U: f64 = 351.0;
/// As [`UNTIED_RANK_BISERIAL`], without the zero differences.
pub const TIED_RANK_BISERIAL: f64 = 0.316_205_533_596_837_95;
/// `st.mannwhitneyu(a[:9], b[:7]).statistic`
pub const UNEQUAL_SIZES_U: f64 = 44.0;

/// Pairs too many for the exact test.
pub const LARGE_A: [f64; 40] = [
    1.419, 0.583, -0.676, -1.314, 1.953, 0.089, -0.489, 0.344, 0.009, 1.052, 0.234, 0.214, -0.515, 0.67, -0.834, 0.866,
    1.724, -1.325, -2.266, 0.817, 2.748, -0.801, -1.051, 0.789, -0.641, -0.306, -0.148, 0.732, -0.205, 0.478, 0.023,
    -0.645, -0.12, -0.75, 0.207, -0.924, -0.893, 1.657, 0.147, 0.146,
];
/// The other halves of the pairs of [`LARGE_A`].
pub const LARGE_B: [f64; 40] = [
    0.512, -0.421, -0.229, 0.425, 0.282, -1.159, 0.833, -0.59, -1.056, -0.9, -0.391, 1.627, -1.176, 0.16, -2.138,
    -0.002, 0.9, -0.237, -0.629, 0.232, 0.7, 0.664, 1.972, 0.209, -0.592, -0.126, -0.072, 0.109, -0.03, 0.174, -1.671,
    0.83, -0.575, -1.173, 0.638, 1.317, 0.493, 0.161, -0.932, 2.872,
];
/// `st.wilcoxon(a, b, zero_method="wilcox", correction=True, method="asymptotic").pvalue`
pub const LARGE_WILCOXON_P: f64 = 0.614_227_190_801_766;
/// As [`UNTIED_RANK_BISERIAL`].
pub const LARGE_RANK_BISERIAL: f64 = 0.092_682_926_829_268_29;
/// For the pairs (i + 0.001, i), i = 0 … 28, and (−1, 29), with d = `np.round(a - b, 9)`:
/// `st.wilcoxon(d, zero_method="wilcox", correction=True, method="asymptotic").pvalue`
pub const ONE_LARGE_LOSS_WILCOXON_P: f64 = 2.752_262_998_349_323_7e-6;
/// The same pairs: (435 − 30) / 465.
pub const ONE_LARGE_LOSS_RANK_BISERIAL: f64 = 0.870_967_741_935_483_9;
/// For n pairs with the differences i² + 1, i = 0 … n − 1:
/// `st.wilcoxon(d, zero_method="wilcox", correction=True, method="asymptotic").pvalue`
pub const ALL_WON_WILCOXON_P: [(u32, f64); 2] = [(60, 1.671_328_569_652_654e-11), (200, 1.447_001_734_810_239_8e-34)];
/// The same for the 60 differences ⌊i / 3⌋ − 2, three of which are zero.
pub const TIED_TAIL_WILCOXON_P: f64 = 3.947_531_824_233_776_6e-10;

/// Eight p-values.
pub const P_VALUES: [f64; 8] = [0.01, 0.04, 0.03, 0.005, 0.2, 0.0004, 0.04, 0.9];
/// `statsmodels.stats.multitest.multipletests(p, method="holm")[1]`
pub const P_VALUES_HOLM: [f64; 8] = [0.06, 0.16, 0.15, 0.035, 0.4, 0.0032, 0.16, 0.9];

/// Scores of four treatments in twelve blocks, with ties.
pub const BLOCKS: [[f64; 4]; 12] = [
    [1.0, 6.0, 1.0, 5.0],
    [1.0, 5.0, 4.0, 5.0],
    [2.0, 3.0, 5.0, 6.0],
    [2.0, 1.0, 0.0, 4.0],
    [2.0, 3.0, 5.0, 4.0],
    [4.0, 1.0, 2.0, 3.0],
    [0.0, 4.0, 0.0, 4.0],
    [4.0, 5.0, 3.0, 5.0],
    [1.0, 6.0, 1.0, 6.0],
    [0.0, 4.0, 1.0, 3.0],
    [2.0, 5.0, 4.0, 3.0],
    [3.0, 1.0, 5.0, 7.0],
];
/// `st.rankdata(-blocks, axis=1).mean(axis=0)`
pub const BLOCKS_MEAN_RANKS: [f64; 4] =
    [3.291_666_666_666_666_5, 2.166_666_666_666_666_5, 2.875, 1.666_666_666_666_666_7];
/// `st.friedmanchisquare(*blocks.T)`: statistic and p-value.
pub const BLOCKS_FRIEDMAN: (f64, f64) = (12.026_548_672_566_39, 0.007_292_767_082_215_197);
/// F = (n − 1) χ² / (n (k − 1) − χ²) and `st.f.sf(F, k - 1, (k - 1) * (n - 1))`.
pub const BLOCKS_IMAN_DAVENPORT: (f64, f64) = (5.518_272_425_249_183, 0.003_485_826_749_089_303_6);

/// Scores in blocks, and the share of all orders within the blocks whose Friedman statistic is at least as large, by
/// enumeration with `itertools.product` over `itertools.permutations` of each block but the first; the statistic is the
/// sum of squares of the sums of `st.rankdata`. The third and the fourth agree with the tables of Hollander & Wolfe
/// (1973), .042 and .033.
pub const FRIEDMAN_EXACT: [(&[&[f64]], f64); 5] = [
    (&[&[3.0, 2.0, 1.0], &[3.0, 2.0, 1.0]], 1.0 / 6.0),
    (&[&[5.0, 4.0, 3.0, 2.0, 1.0], &[5.0, 4.0, 3.0, 2.0, 1.0]], 1.0 / 120.0),
    (&[&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0], &[1.0, 3.0, 2.0], &[1.0, 2.0, 3.0]], 9.0 / 216.0),
    (&[&[1.0, 2.0, 3.0, 4.0], &[2.0, 1.0, 3.0, 4.0], &[1.0, 2.0, 4.0, 3.0]], 19.0 / 576.0),
    (&[&[1.0, 1.0, 2.0], &[1.0, 2.0, 2.0], &[3.0, 1.0, 2.0], &[1.0, 2.0, 3.0], &[2.0, 2.0, 2.5]], 136.0 / 1296.0),
];

/// `st.studentized_range.ppf(0.95, k, np.inf) / np.sqrt(2)` for some numbers of treatments k.
pub const NEMENYI: [(usize, f64); 6] = [
    (2, 1.959_963_984_540_053_4),
    (3, 2.343_700_586_378_409),
    (5, 2.727_774_370_870_376_3),
    (10, 3.163_683_577_053_373),
    (15, 3.391_230_283_765_257),
    (20, 3.543_799_131_517_781_5),
];

/// For the first n values of [`UNTIED_A`]: `st.trim_mean(a[:n], 0.25)`.
pub const UNTIED_A_IQM: [(usize, f64); 6] = [
    (1, 93.309),
    (3, 93.535_666_666_666_67),
    (4, 93.474_5),
    (5, 93.570_000_000_000_01),
    (7, 93.659_000_000_000_02),
    (20, 93.730_100_000_000_01),
];
/// A percentile interval of an interquartile mean.
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The standard deviation of the less certain end over 300 intervals of 1000 resamples each.
    pub deviation: f64,
}
/// `st.bootstrap((a,), iqm, method="percentile", confidence_level=0.95, n_resamples=200_000).confidence_interval`,
/// where `iqm` is `lambda x, axis: st.trim_mean(x, 0.25, axis=axis)`.
pub const UNTIED_A_INTERVAL: Interval = Interval { low: 93.575_7, high: 93.904_1, deviation: 0.007_7 };
/// The same call for [`LARGE_A`].
pub const LARGE_A_INTERVAL: Interval = Interval { low: -0.312_5, high: 0.337_95, deviation: 0.013_8 };

/// Points of two, three and four objectives, a reference front for each, and what pymoo says about them.
pub struct Fronts {
    /// Points to be minimized.
    pub points: &'static [&'static [f64]],
    /// The reference front.
    pub reference: &'static [&'static [f64]],
    /// `pymoo.indicators.hv.HV(ref_point=np.full(m, 0.9))(points)`
    pub hypervolume: f64,
    /// `pymoo.indicators.igd_plus.IGDPlus(reference)(points)`
    pub igd_plus: f64,
}
/// See [`Fronts`]; every coordinate of the reference point is 0.9.
pub const FRONTS: [Fronts; 3] = [
    Fronts {
        points: &[
            &[0.54, 0.77],
            &[0.53, 0.61],
            &[0.03, 0.19],
            &[0.67, 0.57],
            &[0.16, 0.95],
            &[0.15, 0.51],
            &[0.14, 0.72],
            &[0.28, 0.13],
            &[0.05, 0.17],
            &[0.19, 0.54],
        ],
        reference: &[&[0.23, 0.48], &[0.48, 0.4], &[0.34, 0.42], &[0.47, 0.01], &[0.06, 0.18], &[0.05, 0.3]],
        hypervolume: 0.6595,
        igd_plus: 0.02,
    },
    Fronts {
        points: &[
            &[0.26, 0.26, 0.29],
            &[0.1, 0.74, 0.65],
            &[0.61, 0.03, 0.43],
            &[0.69, 0.16, 0.39],
            &[0.02, 0.08, 0.22],
            &[0.41, 0.46, 0.88],
            &[0.32, 0.02, 0.83],
            &[0.06, 0.09, 0.96],
            &[0.75, 0.34, 0.13],
            &[0.39, 0.34, 0.87],
        ],
        reference: &[
            &[0.21, 0.04, 0.46],
            &[0.31, 0.06, 0.06],
            &[0.23, 0.05, 0.32],
            &[0.31, 0.02, 0.4],
            &[0.39, 0.46, 0.34],
            &[0.35, 0.08, 0.01],
        ],
        hypervolume: 0.506484,
        igd_plus: 0.08354085916099517,
    },
    Fronts {
        points: &[
            &[0.07, 0.96, 0.65, 0.95],
            &[0.35, 0.76, 0.07, 0.17],
            &[0.28, 0.55, 0.56, 0.5],
            &[0.42, 0.58, 0.97, 0.46],
            &[0.84, 0.06, 0.39, 0.56],
            &[0.62, 0.25, 0.4, 0.95],
            &[0.65, 0.58, 0.07, 0.05],
            &[0.21, 0.14, 0.98, 0.0],
            &[0.37, 0.06, 0.64, 0.05],
            &[0.07, 0.08, 0.27, 0.58],
        ],
        reference: &[
            &[0.4, 0.13, 0.14, 0.41],
            &[0.37, 0.06, 0.4, 0.42],
            &[0.09, 0.31, 0.1, 0.12],
            &[0.25, 0.26, 0.24, 0.27],
            &[0.11, 0.39, 0.14, 0.46],
            &[0.26, 0.15, 0.09, 0.24],
        ],
        hypervolume: 0.24298340000000004,
        igd_plus: 0.28978941089613064,
    },
];
