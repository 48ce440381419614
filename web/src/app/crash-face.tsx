import { Button } from "@/components/ui/button";
import { Face } from "@/components/ui/face";
import { useMessages } from "@/messages/use-messages";

export function CrashFace({ onRetry }: { onRetry: () => void }) {
  const t = useMessages();
  return (
    <Face isView tone="fault" title={t("problem.crash.title")} text={t("problem.crash.text")}>
      <Button icon="retry" onPress={onRetry}>
        {t("problem.retry")}
      </Button>
    </Face>
  );
}
