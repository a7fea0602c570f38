# Homebrew: `brew install --HEAD ./packaging/homebrew/understudy.rb` builds the tree that it is pointed to. Written by the names that script/setup
# has; it has not been run on a Mac.
class Understudy < Formula
  desc "Turns the dialogue of a TV series into a character to talk to"
  license "Apache-2.0"
  head "file://#{File.expand_path("../..", __dir__)}", using: :git

  depends_on "cmake" => :build
  depends_on "ninja" => :build
  depends_on "pkgconf" => :build
  depends_on "cairo"
  depends_on "curl"
  depends_on "expat"
  depends_on "icu4c"
  depends_on "jansson"
  depends_on "libarchive"
  depends_on "libcsv"
  depends_on "libedit"
  depends_on "libmicrohttpd"
  depends_on "pango"
  depends_on "pcre2"
  depends_on "sqlite"
  depends_on "zlib"

  def install
    system "cmake", "-S", ".", "-B", "build", "-G", "Ninja", "-DUS_TESTS=OFF", *std_cmake_args
    system "cmake", "--build", "build"
    system "cmake", "--install", "build"
  end

  test do
    assert_match "understudy", shell_output("#{bin}/understudy --version")
  end
end
