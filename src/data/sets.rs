//! The public data sets that can be fetched, with their mirrors and checksums.

/// A public data set.
#[derive(Debug)]
pub struct DataSet {
    /// The name for `--data`.
    pub name: &'static str,
    /// The content and the licence.
    pub description: &'static str,
    /// The files to fetch.
    pub files: &'static [DataFile],
}

/// A file to fetch.
#[derive(Debug)]
pub struct DataFile {
    /// Its name on the mirrors.
    pub name: &'static str,
    /// How it is stored.
    pub storage: Storage,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256 checksum in hexadecimal digits.
    pub sha256: &'static str,
    /// The URLs to which the name is appended, in the order in which they are tried.
    pub mirrors: &'static [&'static str],
}

/// How a fetched file is stored.
#[derive(Debug)]
pub enum Storage {
    /// In the set's folder.
    InFolder,
    /// Under this name; the file is the whole set.
    As(&'static str),
    /// The file is a `.tar.gz` archive, and these members of it are unpacked into the set's folder. Each is given with
    /// its length in bytes.
    Members(&'static [(&'static str, u64)]),
}

impl DataSet {
    /// Finds a set by its name.
    pub fn find(name: &str) -> Option<&'static Self> {
        SETS.iter().find(|set| set.name == name)
    }

    /// The bytes of all files together.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// All sets, sorted by name.
///
/// The checksums of MNIST and CIFAR are those of TensorFlow Datasets (`url_checksums`), and several other projects
/// publish the same ones. Those of Fashion-MNIST and Tiny Shakespeare were computed from the official files.
pub const SETS: [DataSet; 5] = [
    DataSet {
        name: "cifar-10",
        description: "60,000 colour images of 32×32 pixels, 10 classes (A. Krizhevsky, 2009); no licence stated",
        files: &[DataFile {
            name: "cifar-10-binary.tar.gz",
            storage: Storage::Members(&[
                ("data_batch_1.bin", 30_730_000),
                ("data_batch_2.bin", 30_730_000),
                ("data_batch_3.bin", 30_730_000),
                ("data_batch_4.bin", 30_730_000),
                ("data_batch_5.bin", 30_730_000),
                ("test_batch.bin", 30_730_000),
            ]),
            bytes: 170_052_171,
            sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            mirrors: &[
                "https://www.cs.toronto.edu/~kriz/",
                "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/",
            ],
        }],
    },
    DataSet {
        name: "cifar-100",
        description: "60,000 colour images of 32×32 pixels, 100 classes (A. Krizhevsky, 2009); no licence stated",
        files: &[DataFile {
            name: "cifar-100-binary.tar.gz",
            storage: Storage::Members(&[("train.bin", 153_700_000), ("test.bin", 30_740_000)]),
            bytes: 168_513_733,
            sha256: "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
            mirrors: &["https://www.cs.toronto.edu/~kriz/"],
        }],
    },
    DataSet {
        name: "fashion-mnist",
        description: "70,000 grey images of clothes, 28×28 pixels, 10 classes (Zalando, 2017); MIT",
        files: &[
            fashion(
                "train-images-idx3-ubyte.gz",
                26_421_880,
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            ),
            fashion(
                "train-labels-idx1-ubyte.gz",
                29_515,
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            ),
            fashion(
                "t10k-images-idx3-ubyte.gz",
                4_422_102,
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            ),
            fashion(
                "t10k-labels-idx1-ubyte.gz",
                5_148,
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
        ],
    },
    DataSet {
        name: "mnist",
        description: "70,000 grey images of handwritten digits, 28×28 pixels (Y. LeCun et al., 1998); CC BY-SA 3.0",
        files: &[
            mnist(
                "train-images-idx3-ubyte.gz",
                9_912_422,
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            ),
            mnist(
                "train-labels-idx1-ubyte.gz",
                28_881,
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            ),
            mnist(
                "t10k-images-idx3-ubyte.gz",
                1_648_877,
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            ),
            mnist(
                "t10k-labels-idx1-ubyte.gz",
                4_542,
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ),
        ],
    },
    DataSet {
        name: "tinyshakespeare",
        description: "1.1 million characters of plays (A. Karpathy, char-rnn); public domain",
        files: &[DataFile {
            name: "input.txt",
            storage: Storage::As("tinyshakespeare.txt"),
            bytes: 1_115_394,
            sha256: "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
            mirrors: &[
                "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/",
                "https://cdn.jsdelivr.net/gh/karpathy/char-rnn@master/data/tinyshakespeare/",
            ],
        }],
    },
];

const fn fashion(name: &'static str, bytes: u64, sha256: &'static str) -> DataFile {
    let mirrors = &[
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ];
    DataFile { name, storage: Storage::InFolder, bytes, sha256, mirrors }
}

const fn mnist(name: &'static str, bytes: u64, sha256: &'static str) -> DataFile {
    let mirrors =
        &["https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"];
    DataFile { name, storage: Storage::InFolder, bytes, sha256, mirrors }
}
