//! tmp
use nas_api::*;
use nas_evaluator_burn::*;
fn mlp(h: &[i64], act: &str) -> Graph { let mut g=GraphBuilder::new(); let x=g.input(); let mut x=g.op("flat","Flatten",&[x]);
 for (i,&n) in h.iter().enumerate(){ x=g.gemm(format!("h{i}"),x,n); x=g.op(format!("a{i}"),act,&[x]); } let x=g.gemm("head",x,10); g.finish(&[x]) }
fn cell(g:&mut GraphBuilder, n:&str, x:NodeId, c:i64)->NodeId{ // dense: all conv3x3
 let mut nodes=vec![x];
 for j in 1..4 { let mut ins=vec![]; for i in 0..j { let e=g.op(format!("{n}.r{i}{j}"),"Relu",&[nodes[i]]); 
   let e = if (i+j)%3==2 { g.pool(format!("{n}.p{i}{j}"),"AveragePool",nodes[i],Window::same(3,1)) } else {let e=g.conv(format!("{n}.c{i}{j}"),e,c,Window::same(3,1)); g.op(format!("{n}.b{i}{j}"),"BatchNormalization",&[e])}; ins.push(e);} nodes.push(g.op(format!("{n}.s{j}"),"Sum",&ins)); }
 nodes[3]}
fn nb201(c:i64)->Graph{ let mut g=GraphBuilder::new(); let x=g.input(); let x=g.conv("stem",x,c,Window::same(3,1)); let mut x=g.op("stem.b","BatchNormalization",&[x]); let mut c=c;
 for s in 0..3 { if s>0 { c*=2; let r=g.op(format!("red{s}.r"),"Relu",&[x]); let a=g.conv(format!("red{s}.a"),r,c,Window::same(3,2)); let a=g.op(format!("red{s}.ab"),"BatchNormalization",&[a]); let a=g.op(format!("red{s}.ar"),"Relu",&[a]); let a=g.conv(format!("red{s}.b"),a,c,Window::same(3,1)); let a=g.op(format!("red{s}.bb"),"BatchNormalization",&[a]);
   let d=g.pool(format!("red{s}.p"),"AveragePool",x,Window{kernel:2,stride:2,padding:0}); let d=g.conv(format!("red{s}.d"),d,c,Window{kernel:1,stride:1,padding:0}); x=g.op(format!("red{s}.s"),"Add",&[a,d]); }
   x=cell(&mut g,&format!("s{s}"),x,c); }
 let x=g.op("lb","BatchNormalization",&[x]); let x=g.op("lr","Relu",&[x]); let x=g.op("gap","GlobalAveragePool",&[x]); let x=g.op("fl","Flatten",&[x]); let x=g.gemm("head",x,10); g.finish(&[x]) }
fn main(){ let mut set=vec![]; let a:Vec<String>=std::env::args().skip(1).collect(); let mut epochs=30u32; let mut which="mlp".to_string(); let mut seeds=5; let mut act="Relu".to_string(); let mut eval=false;
 for s in &a { let (k,v)=s.split_once('=').unwrap(); match k {"E"=>epochs=v.parse().unwrap(),"N"=>which=v.into(),"S"=>seeds=v.parse().unwrap(),"A"=>act=v.into(),"V"=>eval=true,_=>set.push(Setting{name:k.into(),value: v.parse().map(Value::Number).unwrap_or(Value::Text(v.into()))})}}
 let s=Settings::checked(&BurnEvaluator::info().parameters,&set).unwrap(); let t0=std::time::Instant::now(); let e=BurnEvaluator::open(&s,None).unwrap(); eprintln!("open {:?}",t0.elapsed());
 let g= if which=="mlp" {mlp(&[128,128],&act)} else if which=="mlp32" {mlp(&[32],&act)} else {nb201(8)};
 let mut accs=vec![];
 for seed in 0..seeds { let t0=std::time::Instant::now();
  if eval { let r=Request{trial:0,candidate:Candidate::Discrete(vec![]),key:String::new(),text:String::new(),graph:g.clone(),fidelity:None,resume:None,keep:false,seed}; println!("{:?} {:?}",e.evaluate(&r,&||false).unwrap().unwrap().outcome,t0.elapsed()); }
  else {let m=e.train_final(&g,epochs,seed,None,&||false,&mut|_|()).unwrap().unwrap(); let acc=Metric::find(&m,"test_accuracy").unwrap(); accs.push(acc); println!("{seed} acc {acc:.4} loss {:.4} tl {:.4} t {:?}",Metric::find(&m,"test_loss").unwrap(),Metric::find(&m,"train_loss").unwrap(),t0.elapsed());} }
 println!("{a:?} mean {:.4} min {:.4}",accs.iter().sum::<f64>()/accs.len().max(1) as f64,accs.iter().cloned().fold(1.0,f64::min)); }
